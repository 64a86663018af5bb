# An interactive zsh, as somebody types into it: zsh -f complete.zsh COMPLETION LINE TABS
# prints the line as it stands after each tab.
zmodload zsh/zpty
completion=$1 line=$2 tabs=$3
out=$(mktemp)
# Waits until so many lines are written, for a minute at most.
await() { for ((at = 0; at < 2400; at++)); do (( $(wc -l < $out) >= $1 )) && return; sleep 0.025; done }
zpty shell "TERM=dumb zsh -f -i"
zpty -w shell "PS1= ; autoload -U compinit; compinit -u -D; source $completion; shown() { print -r -- \"\$BUFFER\" >>$out }; zle -N shown; bindkey '^I' menu-complete; bindkey '^X' shown; print ready >>$out"
await 1
zpty -n -w shell "$line"
for ((tab = 1; tab <= tabs; tab++)); do
  zpty -n -w shell $'\t'
  zpty -n -w shell $'\x18'
  await $((tab + 1))
done
tail -n +2 $out
rm -f $out
zpty -d shell
