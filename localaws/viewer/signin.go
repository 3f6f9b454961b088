package viewer

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/parascope/parascope/localaws/identity"
)

// choice is a person on the sign-in page.
type choice struct {
	identity.Person
	Role string // "" for none
}

// Initial is what stands in the person's picture.
func (c choice) Initial() string {
	for _, r := range c.Name + c.Email {
		return strings.ToUpper(string(r))
	}
	return "?"
}

type signInView struct {
	Workspace, Redirect string
	Email, Problem      string
	People              []choice
}

func loginPath(back string) string {
	if back == "/" {
		return "/login"
	}
	return "/login?redirectTo=" + url.QueryEscape(back)
}

func (v *Viewer) signInPage(w http.ResponseWriter, r *http.Request, workspaceID string) error {
	return v.showSignIn(w, http.StatusOK, signInView{Workspace: workspaceID, Redirect: r.FormValue("redirectTo")})
}

func (v *Viewer) showSignIn(w http.ResponseWriter, status int, in signInView) error {
	for _, p := range v.opts.Directory.Everybody() {
		role, err := v.role(in.Workspace, p.ID)
		if err != nil {
			return err
		}
		in.People = append(in.People, choice{p, role})
	}
	return v.pages.show(w, status, "login.html", in)
}

// signIn believes whoever says who they are: this stands for IAM Identity Center,
// on a machine whose only user knows everybody's password anyway.
func (v *Viewer) signIn(w http.ResponseWriter, r *http.Request, workspaceID string) error {
	email, back := strings.TrimSpace(r.PostFormValue("email")), r.PostFormValue("redirectTo")
	for _, p := range v.opts.Directory.Everybody() {
		if strings.EqualFold(p.Email, email) {
			http.SetCookie(w, v.begin(workspaceID, p))
			http.Redirect(w, r, localPath(back), http.StatusSeeOther)
			return nil
		}
	}
	return v.showSignIn(w, http.StatusUnauthorized, signInView{Workspace: workspaceID, Redirect: back, Email: email,
		Problem: "IAM Identity Center has no user with the e-mail address “" + email + "”."})
}

func (v *Viewer) signOut(w http.ResponseWriter, r *http.Request, workspaceID string) error {
	http.SetCookie(w, v.end(workspaceID, r))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// localPath is where to go after signing in: never to another site.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.Contains(path, `\`) {
		return "/"
	}
	return path
}

// refuse explains to somebody without a role what is missing and what mends it.
func (v *Viewer) refuse(w http.ResponseWriter, workspaceID string, p identity.Person) error {
	return v.pages.show(w, http.StatusForbidden, "refused.html", struct {
		Workspace string
		identity.Person
	}{workspaceID, p})
}
