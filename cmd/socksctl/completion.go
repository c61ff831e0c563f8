package main

import "github.com/spf13/cobra"

// addCompletion adds cobra's own command, with how its output is used.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	group, _, err := root.Find([]string{"completion"})
	if err != nil || group == root {
		return // cobra was told to leave it out
	}
	examples := map[string]string{
		"bash":       "  socksctl completion bash | sudo tee /etc/bash_completion.d/socksctl",
		"zsh":        "  socksctl completion zsh | sudo tee /usr/local/share/zsh/site-functions/_socksctl",
		"fish":       "  socksctl completion fish | source",
		"powershell": "  socksctl completion powershell | Out-String | Invoke-Expression",
	}
	group.Example = examples["bash"]
	for _, shell := range group.Commands() {
		shell.Example = examples[shell.Name()]
	}
}
