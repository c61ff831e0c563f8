package check

// Question is what a target is asked.
func Question(target string) []byte { return question(target) }
