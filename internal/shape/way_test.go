package shape_test

import (
	"testing"
	"time"

	"github.com/socksctl/socksctl/internal/shape"
)

func TestWayHoldsToAll(t *testing.T) {
	inWorld(t, func(w *world) {
		user, rule := shape.NewBandwidth(10*mib), shape.NewBandwidth(mib)
		held := w.stream(shape.Way{Bandwidths: []*shape.Bandwidth{user, rule}})
		free := w.stream(shape.Way{Bandwidths: []*shape.Bandwidth{user, new(shape.Bandwidth)}})
		time.Sleep(10 * time.Second)
		w.within("held by the rule", held.got(), 10*mib, 5)
		w.within("held by the user's", free.got(), 90*mib, 5)
	})
}

// What one limit refuses is not counted by another.
func TestRefusedDatagramIsNotCounted(t *testing.T) {
	inWorld(t, func(w *world) {
		user, rule := shape.NewBandwidth(mib), shape.NewBandwidth(10*kib)
		count := shape.NewDatagrams(10)
		w.datagrams(shape.Way{Bandwidths: []*shape.Bandwidth{user, rule}}, 1000, 100*time.Microsecond) // 10 MB/s
		w.datagrams(shape.Way{Bandwidths: []*shape.Bandwidth{user}, Datagrams: []*shape.Datagrams{count}}, 1000, 100*time.Microsecond)
		others := w.stream(user)
		time.Sleep(10 * time.Second)
		w.within("what is left", others.got(), 10*(mib-20*kib), 5)
	})
}

func TestZeroWayIsFree(t *testing.T) {
	var way shape.Way
	if way.Most() != 0 || way.Wait(t.Context(), mib) != nil || !way.Allow(mib) {
		t.Error("the zero value holds to something")
	}
	way.Bandwidths, way.Datagrams = []*shape.Bandwidth{{}}, []*shape.Datagrams{{}}
	if way.Most() != 0 || way.Wait(t.Context(), mib) != nil || !way.Allow(mib) {
		t.Error("limits of zero hold to something")
	}
}
