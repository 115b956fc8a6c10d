# What Doxygen reads otherwise than people do. Comment lines that are indented by three blanks or more are laid out by hand,
# shapes and formulas: code. And "et al." does not end a sentence.
/\/\/\// { gsub(/et al\. /, "et al.\\ ") }
function close_block() { if (block) print "/// @endcode"; block = 0 }
/^ *\/\/\/   +[^ ]/ { if (!block) print "/// @code{.unparsed}"; block = 1; print; next }
{ close_block(); print }
END { close_block() }
