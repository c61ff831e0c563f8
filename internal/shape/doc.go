// Package shape holds what many connections move together to a rate. A
// [Bandwidth] is shared by all whose bytes count together, those of one user and
// one direction for instance; [Datagrams] does the same for a number of
// datagrams; a [Way] is all that one direction of a session is held to. Their
// zero values hold nobody to anything, and then cost one atomic load.
//
// # Streams take turns
//
// A stream waits: [Bandwidth.Wait] returns once its bytes may pass. The streams
// of a Bandwidth stand in one queue, first come, first served, and only the one
// at its head has a reservation in the token bucket. Each takes a part of the
// same size and goes to the end, so all that want more than they get share
// evenly, however many there are and whenever they came. A part is 20 ms of the
// rate, and less when many are in the queue, so that a round of it takes 100 ms;
// but 1.5 KiB at least and 128 KiB at most.
//
// The bucket starts empty and holds 100 ms of the rate, 64 KiB at least. So what
// is left over in one moment may be had in the next, but coming again as
// somebody new gives nothing.
//
// # Datagrams do not wait
//
// A datagram passes or does not: [Bandwidth.Allow]. Were it to pass only when the
// bucket has its bytes, it never would beside a stream, which takes all there
// are in advance. So it may pass on credit, and what it takes is owed: streams
// wait the longer for it. Beside streams it passes while datagrams are less than
// a part ahead of them, so that the two share evenly, whatever their sizes;
// alone, while the bucket owes less than a part.
//
// # Ends and changes
//
// A stream that gives up while it waits for its reservation gives that back, but
// for what datagrams have taken on top of it meanwhile: their place in time
// stays as it is. That loses a part at most, and never lets too much pass.
//
// A change of the rate starts with an empty bucket without debts. Streams that
// wait then have parts of the old rate in hand, which could take long at the new
// one: they pass at once, and that is a round of the old queue.
package shape
