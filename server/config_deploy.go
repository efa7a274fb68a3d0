package server

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/deploy"
)

func deploySettings() []setting {
	return []setting{
		{
			name: "deploy-targets", standard: deploy.LocalName, parse: parseDeployTargets,
			meaning: "where versions can be deployed, the default first: local, the project's own address below `--preview-domain`, and cloudflare-pages",
		},
		{
			name: "cloudflare-api-token", secret: true, parse: secret(func(c *Config) *Secret { return &c.CloudflareAPIToken }),
			meaning: "token that may edit Cloudflare Pages",
		},
		{
			name: "cloudflare-account-id", parse: parseCloudflareAccount,
			meaning: "account that the token is of, 32 hexadecimal digits",
		},
		{
			name: "cloudflare-project", parse: parseCloudflareProject,
			meaning: "Pages project, which must exist; each of Sheen's projects is a branch of it",
		},
		{
			name: "wrangler", standard: "wrangler", parse: text(func(c *Config) *string { return &c.Wrangler }),
			meaning: "Cloudflare's command line tool, a name in PATH or a path",
		},
	}
}

func parseDeployTargets(cfg *Config, raw string) error {
	cfg.DeployTargets = nil
	for name := range strings.SplitSeq(raw, ",") {
		name = strings.TrimSpace(name)
		if name != deploy.LocalName && name != deploy.PagesName || slices.Contains(cfg.DeployTargets, name) {
			return errors.New("must list local, cloudflare-pages or both, separated by a comma")
		}
		cfg.DeployTargets = append(cfg.DeployTargets, name)
	}
	return nil
}

func parseCloudflareAccount(cfg *Config, raw string) error {
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(raw) {
		return errors.New("must be the 32 hexadecimal digits of an account id")
	}
	cfg.CloudflareAccountID = raw
	return nil
}

func parseCloudflareProject(cfg *Config, raw string) error {
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?$`).MatchString(raw) {
		return errors.New("must be the name of a Pages project: up to 58 lower-case letters, digits and dashes")
	}
	cfg.CloudflareProject = raw
	return nil
}

// deployProblems finds what is missing for the deploy targets.
func (c *Config) deployProblems() []string {
	if !slices.Contains(c.DeployTargets, deploy.PagesName) {
		return nil
	}
	var problems []string
	for _, needed := range []struct{ value, name string }{
		{c.CloudflareAPIToken.Reveal(), "SHEEN_CLOUDFLARE_API_TOKEN"},
		{c.CloudflareAccountID, "SHEEN_CLOUDFLARE_ACCOUNT_ID"},
		{c.CloudflareProject, "SHEEN_CLOUDFLARE_PROJECT"},
		{c.Wrangler, "SHEEN_WRANGLER"},
	} {
		if needed.value == "" {
			problems = append(problems, "SHEEN_DEPLOY_TARGETS has cloudflare-pages, which needs more: set "+needed.name)
		}
	}
	return problems
}

// newTargets makes the configured deploy targets; none configured means local.
func (c *Config) newTargets(origin preview.Origin, blobs *preview.Blobs) deploy.Targets {
	names := c.DeployTargets
	if len(names) == 0 {
		names = []string{deploy.LocalName}
	}
	targets := make([]deploy.Target, len(names))
	for i, name := range names {
		if name == deploy.PagesName {
			targets[i] = deploy.NewPages(deploy.PagesOptions{
				Command: c.Wrangler, Project: c.CloudflareProject, AccountID: c.CloudflareAccountID,
				APIToken: c.CloudflareAPIToken.Reveal(), Dir: c.DataDir, Timeout: build.DeployTimeout, Blobs: blobs,
			})
			continue
		}
		targets[i] = deploy.NewLocal(origin)
	}
	return deploy.NewTargets(targets...)
}
