# installManPage FILE...    installs pages of a manual by the section at the end of their names
installManPage() {
  local page
  for page; do
    [[ $page == *.[1-9] && -e $page ]] || { nixErrorLog "installManPage: $page is no page of a manual"; return 1; }
    install -D -m 0644 "$page" "$out/share/man/man${page##*.}/${page##*/}"
  done
}

# installShellCompletion --cmd NAME (--bash|--fish|--zsh) FILE...    FILE may be a pipe, and has to
# hold something
installShellCompletion() {
  local command= shell= path= file
  while (($#)); do
    case $1 in
      --cmd) command=$2; shift ;;
      --bash) shell=bash; path=share/bash-completion/completions/$command.bash ;;
      --fish) shell=fish; path=share/fish/vendor_completions.d/$command.fish ;;
      --zsh) shell=zsh; path=share/zsh/site-functions/_$command ;;
      *)
        [[ $command && $shell ]] || { nixErrorLog "installShellCompletion: what is $1 for?"; return 1; }
        file=$out/$path
        install -d "${file%/*}"
        cat "$1" > "$file"
        [[ -s $file ]] || { nixErrorLog "installShellCompletion: nothing for $shell"; return 1; }
        ;;
    esac
    shift
  done
}
