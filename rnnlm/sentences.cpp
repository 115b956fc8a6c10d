// The language of the built-in corpus, as rules of a probabilistic grammar.
//
// A sentence is set in one of four worlds and one of three tenses. Its opening fixes the tense, its first
// noun (or, after a name, its verb) the world; subject and verb agree in number, whoever is mentioned between
// them. So the words to come depend on words a whole clause back, which a recurrent model can remember and an
// n-gram cannot.
//
// Notation, line by line; a line that starts with a blank continues the one before it:
//   v in a b c            every later line that contains {v} is repeated with a, b and c in its place
//   head -> 3 x <y> | 1   <head> is "x <y>" with probability 3/4, nothing with probability 1/4; a weight left
//                         out is 1
//   h1 h2 = a1/a2 b1/b2   <h1> is a1 or b1, <h2> is a2 or b2; the r-th word has the weight 1 / (r + 3)
// A text is one <sentence> after another. In the heads, t is the tense, n the number of the subject, f the
// form of the verb that follows from both, and w the world.
#include "grammar.hpp"

namespace xgrad {

const std::string_view built_in_sentences = R"(
w in kitchen sea garden theatre
t in past present future
f in past sg pl
n in sg pl

sentence -> 4 <clause.present> | 5 <opener.past> <clause.past> | 3 <opener.present> <clause.present>
  | 3 <opener.future> <clause.future>
opener.past = yesterday once recently formerly
opener.present = nowadays usually often today
opener.future = tomorrow soon tonight someday

clause.{t} -> 4 the <subject.any.{t}> | 5 <one> <subject.sg.{t}> | 5 <several> <subject.pl.{t}>
  | 4 <name> <named.{t}>
one = every a my our this her his
name = Anna Hugo Clara Otto Martha Jonas Ida Felix Nora Max
several = two many these some three those most all
subject.any.{t} -> 1 <trait> <hero.any.{t}> | 2 <hero.any.{t}>
subject.{n}.{t} -> 1 <trait> <hero.{n}.{t}> | 2 <hero.{n}.{t}>
trait = young tired wise cheerful clever lucky proud shy lazy kind
hero.any.{t} -> 3 <hero.sg.{t}> | 2 <hero.pl.{t}>
hero.{n}.{t} -> 1 <hero.{n}.{t}.kitchen> | 1 <hero.{n}.{t}.sea> | 1 <hero.{n}.{t}.garden>
  | 1 <hero.{n}.{t}.theatre>
hero.{n}.{t}.{w} -> <person.{n}.{w}> <aside.{w}> <verb.{n}.{t}.{w}>

aside.{w} -> 7 | 4 who <does.past.{w}> | 4 <near> <company.{w}>
does.{f}.{w} -> 3 <act.{f}.{w}> <things.{w}> | 1 <meet.{f}> <company.{w}>
near = with near beside behind
company.{w} -> 3 the <anyone.{w}> | 3 <one> <fellow.sg.{w}> | 3 <several> <fellow.pl.{w}>
  | 2 <trait> <person.pl.{w}> | 3 <name>
anyone.{w} -> 3 <person.sg.{w}> | 3 <person.pl.{w}> | 4 <trait> <either.{w}>
either.{w} -> 1 <person.sg.{w}> | 1 <person.pl.{w}>
fellow.{n}.{w} -> 3 <person.{n}.{w}> | 2 <trait> <person.{n}.{w}>

verb.{n}.past.{w} -> <manner.past.{w}>
verb.{n}.future.{w} -> will <manner.pl.{w}>
verb.sg.present.{w} -> 6 <manner.sg.{w}> | 1 has <manner.past.{w}>
verb.pl.present.{w} -> 6 <manner.pl.{w}> | 1 have <manner.past.{w}>
manner.{f}.{w} -> 3 <doing.{f}.{w}> | 1 <how> <doing.{f}.{w}>
named.past -> <deed.past>
named.present -> <deed.sg>
named.future -> will <deed.pl>
deed.{f} -> 1 <deed.{f}.kitchen> | 1 <deed.{f}.sea> | 1 <deed.{f}.garden> | 1 <deed.{f}.theatre>
deed.{f}.{w} -> <act.{f}.{w}> <things.{w}> <after.{f}.{w}>

doing.{f}.{w} -> 6 <deed.{f}.{w}> | 3 <meet.{f}> <company.{w}> <finish.{f}.{w}>
  | 2 <rest.{f}> <where.{w}> <finish.{f}.{w}>
after.{f}.{w} -> 4 <finish.{f}.{w}> | 2 <where.{w}> <finish.{f}.{w}> | 2 for <company.{w}> <finish.{f}.{w}>
finish.{f}.{w} -> 4 <close.{f}.{w}> | 3 <how> <close.{f}.{w}>
close.{f}.{w} -> 4 | 3 and <more.{f}.{w}> | 3 while <scene.{f}.{w}> <end.{w}> | 2 <when>
scene.past.{w} -> 4 <name> <does.past.{w}> | 3 <one> <fellow.sg.{w}> <does.past.{w}>
  | 4 <several> <fellow.pl.{w}> <does.past.{w}>
scene.sg.{w} -> 4 <name> <does.sg.{w}> | 3 <one> <fellow.sg.{w}> <does.sg.{w}>
  | 4 <several> <fellow.pl.{w}> <does.pl.{w}>
scene.pl.{w} -> <scene.sg.{w}>
more.{f}.{w} -> 6 <act.{f}.{w}> <things.{w}> <end.{w}> | 2 <meet.{f}> <company.{w}> <end.{w}>
  | 2 <rest.{f}> <where.{w}>
end.{w} -> 2 | 1 <where.{w}> | 1 <how>

things.{w} -> 4 <share> <looks.{w}> | 5 <looks.{w}>
share = the some more our their enough no
looks.{w} -> 4 <thing.{w}> | 3 <look.{w}> <thing.{w}> | 2 <air> <thing.{w}>
air = old small strange fine new other
where.{w} -> <by> <site.{w}>
site.{w} -> 3 <which> <spot.{w}> | 1 <name>
by = near by beside behind around
which = the our their that this her his
spot.{w} -> 5 <place.{w}> | 3 <air> <place.{w}> | 4 <fellow.sg.{w}>
when -> 1 before <time> | 1 after <time> | 1 until <time>
time = dawn noon sunset supper midnight lunch nightfall
how = slowly quietly happily carefully gladly patiently proudly

meet.past meet.sg meet.pl = thanked/thanks/thank helped/helps/help followed/follows/follow
  greeted/greets/greet
rest.past rest.sg rest.pl = waited/waits/wait rested/rests/rest laughed/laughs/laugh whistled/whistles/whistle

person.sg.kitchen person.pl.kitchen = cook/cooks baker/bakers waiter/waiters butcher/butchers guest/guests
  maid/maids grocer/grocers
look.kitchen = fresh sweet warm spicy cold sour salted golden
thing.kitchen = bread soup butter onions cheese apples sauce eggs pepper dough honey pies rice beans cakes
act.past.kitchen act.sg.kitchen act.pl.kitchen = tasted/tastes/taste served/serves/serve sliced/slices/slice
  stirred/stirs/stir baked/bakes/bake boiled/boils/boil
place.kitchen = stove table cellar oven

person.sg.sea person.pl.sea = sailor/sailors captain/captains pilot/pilots diver/divers pirate/pirates
  fisherman/fishermen whaler/whalers
look.sea = torn wet heavy salty rusty grey sunken foreign
thing.sea = nets sails ropes barrels anchors maps oars lanterns pearls cargo shells charts coins flags crates
act.past.sea act.sg.sea act.pl.sea = mended/mends/mend hauled/hauls/haul raised/raises/raise loaded/loads/load
  counted/counts/count lowered/lowers/lower
place.sea = harbour deck lighthouse reef

person.sg.garden person.pl.garden = gardener/gardeners shepherd/shepherds florist/florists farmer/farmers
  widow/widows beekeeper/beekeepers neighbour/neighbours
look.garden = green wild withered thorny purple tall fragrant dry
thing.garden = roses weeds seeds hedges tulips herbs lilies leaves pears ferns ivy bulbs vines daisies moss
act.past.garden act.sg.garden act.pl.garden = planted/plants/plant watered/waters/water trimmed/trims/trim
  gathered/gathers/gather raked/rakes/rake picked/picks/pick
place.garden = gate pond fence orchard

person.sg.theatre person.pl.theatre = singer/singers player/players dancer/dancers poet/poets critic/critics
  violinist/violinists clown/clowns
look.theatre = famous sad comic solemn tragic silly long foolish
thing.theatre = songs plays verses masks scenes costumes speeches melodies jokes posters tunes stories
  rhymes ballads tricks
act.past.theatre act.sg.theatre act.pl.theatre = rehearsed/rehearses/rehearse praised/praises/praise
  performed/performs/perform admired/admires/admire recited/recites/recite mocked/mocks/mock
place.theatre = stage balcony piano foyer
)";

}  // namespace xgrad
