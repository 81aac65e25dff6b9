/* The lease of lease.h as a model for Spin: three replicas, one control document, time in ticks. Every schedule of them
 * is looked at. `./dev test sim` checks it, also with each of the mistakes that -DMISTAKE_… makes on purpose.
 *
 * Kept of the code: the stages; a holder that counts from the sending of its last acknowledged write; an observer that
 * counts from the receipt of the read that first showed the document as it is; the compare-and-set that raises the
 * token; answers that do not come, and the renewal that settles them; a release that may land at any later time, by
 * whatever it was put off; replicas that are stopped, or killed and started under another name; clocks that disagree.
 *
 * Abstracted away: a token is not a number, it only matters whether it is the one in the document, so histories have no
 * end. `rev` is whether the document was written since. Reading is one moment: what is written between a read and its
 * receipt makes the compare-and-set miss. A renewal that lands after its sender gave it up only makes others wait. A
 * write that no majority keeps is one that did not land, of which its sender heard nothing. What is done under the
 * lease, and periods of other configurations, are left out: tests/sim has them, and rollbacks.
 *
 * Safety: whoever may send stands in the document, with the token that it sends under. So there is never another. */

#define PERIOD 3
#ifdef MISTAKE_NO_MARGIN
#define MARGIN 1
#else
#define MARGIN 2 /* two clocks that are each up to a tick late differ by two */
#endif
#ifdef MISTAKE_WAITS_LESS_THAN_A_PERIOD
#define WAIT (PERIOD - 1)
#else
#define WAIT PERIOD
#endif

#define kNone 0
#define kAsking 1
#define kSettling 2 /* asking, of which no answer came: a renewal is to tell */
#define kHeld 3

#define NOTHING 0 /* is under way */
#define SENT 1
#define WON 2 /* it landed, the answer is on its way */
#define MISSED 3

typedef Lease {
  unsigned stage : 2;
  unsigned write : 2;      /* what asks, or renews */
  unsigned left : 3;       /* ticks until the deadline */
  unsigned next_left : 3;  /* the same, when the write under way is acknowledged: counted from its sending */
  unsigned unmoved : 3;    /* 0: the document is not as this replica read it last; else 1 + ticks since it first did */
  bit in_document;         /* the document shows this owner, and the token that it holds or asked for last */
  bit maybe;               /* that may be ours, though we do not hold it */
  bit late_ask;            /* given up, and it will still fit when it arrives */
  bit late_release;
  bit late_clock;          /* it is a tick behind */
};

Lease lease[3];
bit owned;
/* Of replicas that were killed: */
bit stray_ask;
bit stray_release;

/* What was sent to the document as it was misses it from now on, and who waits begins again. */
inline written_for(i) {
  lease[i].unmoved = 0;
#ifndef MISTAKE_NO_REVISION_IN_A_FILTER
  lease[i].late_ask = 0;
  lease[i].write = ((lease[i].stage == kAsking && lease[i].write == SENT) -> MISSED : lease[i].write)
#endif
}
inline written() {
  written_for(0);
  written_for(1);
  written_for(2);
  stray_ask = 0
}

/* The same for what holds on to the token and the owner. */
inline passed_on_for(i) {
  lease[i].in_document = 0;
#ifdef MISTAKE_NO_REVISION_IN_A_FILTER
  lease[i].late_ask = 0;
  lease[i].write = ((lease[i].stage == kAsking && lease[i].write == SENT) -> MISSED : lease[i].write);
#endif
#ifndef MISTAKE_NO_TOKEN_IN_A_FILTER
  lease[i].late_release = 0
#endif
}
inline passed_on(to_somebody) {
  written();
  passed_on_for(0);
  passed_on_for(1);
  passed_on_for(2);
  stray_release = 0;
  owned = to_somebody
}

inline ask_lands(i) {
  passed_on(1);
  lease[i].in_document = 1
}
inline hold(i) {
  lease[i].stage = kHeld;
#ifdef MISTAKE_COUNTED_FROM_THE_ANSWER
  lease[i].left = PERIOD - MARGIN;
#else
  lease[i].left = lease[i].next_left;
#endif
  lease[i].write = NOTHING;
  lease[i].next_left = 0
}
inline send(i) {
  lease[i].write = SENT;
  lease[i].next_left = PERIOD - MARGIN
}
inline nothing(i, maybe_ours) {
  lease[i].stage = kNone;
  lease[i].maybe = maybe_ours
}

inline acquire(i) {
  if
#ifdef MISTAKE_SETTLED_BY_A_READ
  :: lease[i].maybe && lease[i].in_document -> lease[i].next_left = PERIOD - MARGIN; hold(i)
#endif
#ifdef MISTAKE_SAME_TOKEN_AGAIN
  :: lease[i].maybe && lease[i].in_document -> lease[i].stage = kSettling; send(i)
#endif
  :: !owned || lease[i].unmoved > WAIT || (lease[i].maybe && lease[i].in_document) ->
     lease[i].stage = kAsking;
     lease[i].in_document = 0; /* it asks for the next token */
     send(i)
  :: else
  fi
}

inline step(i) {
  if
  :: lease[i].stage == kNone ->
     lease[i].unmoved = (lease[i].unmoved == 0 -> 1 : lease[i].unmoved);
     acquire(i)

  :: lease[i].stage == kAsking && lease[i].write == SENT -> ask_lands(i); lease[i].write = WON
  :: lease[i].stage == kAsking && lease[i].write == WON -> hold(i)
  :: lease[i].stage == kAsking && lease[i].write == MISSED -> nothing(i, 0)
  :: lease[i].stage == kAsking -> /* no answer, whatever became of it */
#ifdef MISTAKE_NO_ANSWER_TAKEN_AS_HELD
     hold(i)
#else
     lease[i].late_ask = (lease[i].late_ask || lease[i].write == SENT);
     lease[i].stage = kSettling;
     send(i)
#endif
  :: lease[i].late_ask -> ask_lands(i)

  :: lease[i].stage == kHeld && lease[i].write == NOTHING && lease[i].left > 0 -> send(i)
  :: lease[i].stage >= kSettling && lease[i].write == SENT ->
     if
     :: lease[i].in_document -> written(); lease[i].write = WON
     :: else -> lease[i].write = MISSED
     fi
  :: lease[i].stage >= kSettling && lease[i].write == WON -> hold(i)
  :: lease[i].stage == kSettling -> nothing(i, 1) /* missed, or no answer: the acquisition may still arrive */
  :: lease[i].stage == kHeld && lease[i].write == MISSED -> nothing(i, 0)
  :: lease[i].stage == kHeld && lease[i].write != NOTHING -> lease[i].write = NOTHING; lease[i].next_left = 0

  :: lease[i].stage == kHeld && lease[i].left == 0 -> nothing(i, 0)
  :: lease[i].stage == kHeld -> lease[i].late_release = lease[i].in_document; nothing(i, 1)
#ifdef MISTAKE_NO_TOKEN_IN_A_FILTER
  :: lease[i].late_release && lease[i].in_document -> passed_on(0); lease[i].late_release = 0
#else
  :: lease[i].late_release -> passed_on(0)
#endif

  :: true -> /* killed */
     stray_ask = (stray_ask || lease[i].late_ask || (lease[i].stage == kAsking && lease[i].write == SENT));
     stray_release = (stray_release || lease[i].late_release);
     lease[i].late_ask = 0;
     lease[i].late_release = 0;
     lease[i].in_document = 0;
     lease[i].unmoved = 0;
     nothing(i, 0)
  fi
}

/* What is not needed any more is set back, so that histories which differ in nothing else are one. */
inline forget(i) {
  if
  :: lease[i].stage == kNone ->
     lease[i].write = NOTHING;
     lease[i].left = 0;
     lease[i].next_left = 0;
     lease[i].maybe = lease[i].maybe && (lease[i].in_document || lease[i].late_ask);
     lease[i].in_document = lease[i].in_document && lease[i].maybe
  :: else -> lease[i].maybe = 0
  fi
}

inline tick(i) {
  lease[i].left = (lease[i].left > 0 -> lease[i].left - 1 : 0);
  lease[i].next_left = (lease[i].next_left > 0 -> lease[i].next_left - 1 : 0);
  lease[i].unmoved = ((lease[i].unmoved > 0 && lease[i].unmoved <= WAIT) -> lease[i].unmoved + 1 : lease[i].unmoved)
}
inline clock(i) {
  if
  :: tick(i)
  :: lease[i].late_clock -> lease[i].late_clock = 0; tick(i); tick(i)
  :: !lease[i].late_clock -> lease[i].late_clock = 1
  fi
}

inline fenced(i) { assert(lease[i].stage != kHeld || lease[i].left == 0 || lease[i].in_document) }

init {
  do
  :: atomic {
       if
       :: step(0)
       :: step(1)
       :: step(2)
       :: stray_ask -> passed_on(1)
       :: stray_release -> passed_on(0)
       :: clock(0); clock(1); clock(2)
       fi;
       forget(0);
       forget(1);
       forget(2);
       fenced(0);
       fenced(1);
       fenced(2)
     }
  od
}
