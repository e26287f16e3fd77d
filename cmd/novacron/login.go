package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/fault"
)

func (p *program) loginCommand() *cobra.Command {
	var name, passwordFile string
	cmd := &cobra.Command{
		Use: "login [URL]", Short: "Log in and remember the token",
		Long: "login asks for a password, or reads it from --password-file or a pipe, and keeps the server's URL and a token in\n" +
			"~/.config/novacron/context.json, which only you can read.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := p.settle()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				target.URL = args[0]
			}
			target.Token = ""
			asking, err := p.clientFor(target)
			if err != nil {
				return err
			}
			password, err := p.password(cmd, name, asking.URL(), passwordFile)
			if err != nil {
				return err
			}
			session, err := asking.Login(cmd.Context(), name, password)
			if err != nil {
				return err
			}
			if err := p.saveContext(savedContext{URL: asking.URL(), Token: session.Token}); err != nil {
				return fault.Internal("the token cannot be kept in %s: %v", p.ownContextPath(), err)
			}
			if p.output == "json" {
				return p.json(map[string]any{"url": asking.URL(), "user": session.User, "expires_at": session.ExpiresAt})
			}
			p.say("Logged in to %s as %s until %s.", asking.URL(), session.User.UserName, session.ExpiresAt.Local().Format("2 January 15:04"))
			if seen, err := p.savedContext(); err == nil && seen.Token != session.Token {
				fmt.Fprintf(p.err, "Here another context file comes first, so commands in this directory do not use this login.\n")
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&name, "username", "u", "admin", "who logs in")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "read the password from this file")
	return cmd
}

func (p *program) password(cmd *cobra.Command, name, url, file string) (string, error) {
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", usage(cmd, "the password file cannot be read: %v", err)
		}
		return strings.TrimRight(string(content), "\r\n"), nil
	}
	fmt.Fprintf(p.err, "Password of %s at %s: ", name, url)
	if typed, ok := p.secret(); ok {
		fmt.Fprintln(p.err)
		return typed, nil
	}
	line, err := bufio.NewReader(p.in).ReadString('\n')
	fmt.Fprintln(p.err)
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.Join(usage(cmd, "there is no password: type it, pipe it in or name a --password-file"), err)
	}
	return line, nil
}

func (p *program) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "End the session that login began", Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			saved, err := readContext(p.ownContextPath())
			if errors.Is(err, os.ErrNotExist) {
				p.say("Nobody is logged in.")
				return nil
			}
			if err != nil {
				return err
			}
			connected, err := p.clientFor(saved)
			if err != nil {
				return err
			}
			if err := connected.Logout(cmd.Context()); err != nil && client.StatusOf(err) != 401 {
				return err
			}
			if err := os.Remove(p.ownContextPath()); err != nil {
				return fault.Internal("the context file %s cannot be removed: %v", p.ownContextPath(), err)
			}
			p.say("Logged out of %s.", saved.URL)
			return nil
		},
	}
}

func (p *program) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who you are and where", Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			who, err := connected.Whoami(cmd.Context())
			if err != nil {
				return err
			}
			role := "user"
			if who.Admin {
				role = "administrator"
			}
			return p.show(who, facts{
				{"User", who.UserName}, {"Role", role}, {"Project", who.Project.Name},
				{"Server", connected.URL()}, {"Server version", who.Version}, {"Temporal", who.Temporal},
			})
		},
	}
}
