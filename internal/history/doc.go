// Package history is the record of sessions. A [Record] is how a session looks
// wherever it is written down.
package history
