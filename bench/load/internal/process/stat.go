package process

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stat is what is used of /proc/PID/stat.
type stat struct {
	parent   int
	children time.Duration // user and system time of those that it has waited for
}

func readStat(id int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

// parseStat takes a line apart as proc(5) has it. The name of the program, in
// parentheses, may itself contain spaces and parentheses.
func parseStat(line string) (s stat, err error) {
	after := line[strings.LastIndexByte(line, ')')+1:]
	fields := strings.Fields(after) // from field 3, the state, on
	if len(fields) < 15 {
		return s, fmt.Errorf("stat of a process: got %d fields, want 15 at least: %q", len(fields), line)
	}
	if s.parent, err = strconv.Atoi(fields[4-3]); err != nil {
		return s, fmt.Errorf("stat of a process: parent: %w", err)
	}
	for _, field := range fields[16-3 : 18-3] { // cutime, cstime
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return s, fmt.Errorf("stat of a process: time of its children: %w", err)
		}
		s.children += time.Duration(ticks) * tick
	}
	return s, nil
}

// descendants returns ids and those of all processes below them.
func descendants(ids []int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	below := make(map[int][]int)
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, err := readStat(id); err == nil { // else it has ended meanwhile
			below[s.parent] = append(below[s.parent], id)
		}
	}
	tree := slices.Clone(ids)
	for i := 0; i < len(tree); i++ {
		tree = append(tree, below[tree[i]]...)
	}
	return tree, nil
}
