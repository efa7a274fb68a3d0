package build_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/offline"
)

func chosen(question, choice string) *buildv1.Answer {
	return &buildv1.Answer{QuestionId: question, Answer: &buildv1.Answer_ChoiceId{ChoiceId: choice}}
}

func said(question, text string) *buildv1.Answer {
	return &buildv1.Answer{QuestionId: question, Answer: &buildv1.Answer_Text{Text: text}}
}

func forMe(question string) *buildv1.Answer {
	return &buildv1.Answer{QuestionId: question, Answer: &buildv1.Answer_ChooseForMe{ChooseForMe: true}}
}

// built makes a site with the offline engine and returns its files.
func (b *testBundle) built(answers ...*buildv1.Answer) map[string]string {
	b.t.Helper()
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A website for my place", Answers: answers})
	must(b.t, err)
	id := res.GetBuild().GetId()
	must(b.t, work(b.t.Context(), b.newWorker(offline.New(offline.Options{})), id))
	version := b.build(id).GetVersionId()
	files := map[string]string{}
	for _, path := range []string{"index.html", "assets/site.css", "site.json"} {
		file, err := b.GetFile(b.ctx(), &buildv1.GetFileRequest{VersionId: version, Path: path})
		must(b.t, err)
		files[path] = string(file.GetContent())
	}
	return files
}

// Each answer changes the site that is built.
func TestAnswersMakeTheSite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	plain := b.built()
	if strings.Contains(plain["index.html"], "Dar Zellij") || !strings.Contains(plain["site.json"], `"business": "business"`) {
		t.Fatalf("without answers it is %s", plain["site.json"])
	}
	for _, test := range []struct {
		answers []*buildv1.Answer
		file    string
		want    string
	}{
		{[]*buildv1.Answer{chosen("business_type", "gym")}, "site.json", `"business": "gym"`},
		{[]*buildv1.Answer{said("business_type", "a small bakery")}, "site.json", `"business": "restaurant"`},
		{[]*buildv1.Answer{said("brand_name", "Dar Zellij")}, "index.html", "Dar Zellij"},
		{[]*buildv1.Answer{chosen("features", "faq"), chosen("features", "newsletter")}, "site.json", "\"faq\",\n    \"newsletter\""},
		{[]*buildv1.Answer{chosen("color_theme", "warm")}, "assets/site.css", "--accent:#a63f28"},
		{[]*buildv1.Answer{chosen("color_theme", "natural")}, "assets/site.css", "--accent:#1f6b4d"},
		{[]*buildv1.Answer{said("audience", "companies and executives")}, "assets/site.css", "--accent:#1d4f91"},
		{[]*buildv1.Answer{chosen("audience", "families")}, "assets/site.css", "--accent:#a63f28"},
	} {
		if got := b.built(test.answers...)[test.file]; !strings.Contains(got, test.want) {
			t.Errorf("%v: %s lacks %s", test.answers, test.file, test.want)
		}
	}
}

// stored are the answers that an engine is given.
func (b *testBundle) stored(buildID string) []engine.Answer {
	b.t.Helper()
	var raw []byte
	must(b.t, b.db.QueryRow(b.t.Context(), `SELECT answers FROM builds WHERE id = $1`, uuid.MustParse(buildID)).Scan(&raw))
	var answers []engine.Answer
	must(b.t, json.Unmarshal(raw, &answers))
	return answers
}

// "Choose for me" is decided when the build is accepted, the same for the same
// prompt, and everything that shows the name shows the one that was chosen.
func TestChoicesAreStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var all [2][]engine.Answer
	for i := range all {
		res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A gym by the harbor", Answers: []*buildv1.Answer{
			forMe("audience"), forMe("features"), forMe("color_theme"), forMe("brand_name"), forMe("business_type"),
		}})
		must(t, err)
		all[i] = b.stored(res.GetBuild().GetId())
	}
	if !slices.Equal(all[0], all[1]) {
		t.Errorf("one prompt chooses %v and %v", all[0], all[1])
	}
	var ids []string
	for _, answer := range all[0] {
		ids = append(ids, answer.QuestionID)
		if (answer.ChoiceID == "") == (answer.Text == "") {
			t.Errorf("%+v is no choice", answer)
		}
	}
	if want := []string{"business_type", "brand_name", "features", "features", "features", "color_theme", "audience"}; !slices.Equal(ids, want) {
		t.Errorf("stored are %v, want %v", ids, want)
	}
	// The suggestions know that what was chosen is not missing.
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A gym", Answers: []*buildv1.Answer{
		chosen("features", "booking"), chosen("features", "pricing"), chosen("features", "contact"),
	}})
	must(t, err)
	for _, suggestion := range res.GetQuickSuggestions() {
		if slices.Contains([]string{"qs-booking", "qs-pricing", "qs-contact"}, suggestion.GetId()) {
			t.Errorf("%s is suggested although it was chosen", suggestion.GetId())
		}
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.counts()
	for want, answers := range map[string][]*buildv1.Answer{
		`the question "shoe_size" does not exist`:               {chosen("shoe_size", "44")},
		`the question "color_theme" has no choice "octarine"`:   {chosen("color_theme", "octarine")},
		`the question "features" is answered by choices only`:   {said("features", "a sauna")},
		`the question "brand_name" is answered by nothing`:      {said("brand_name", "\x00 !")},
		`the question "color_theme" is answered more than once`: {chosen("color_theme", "warm"), forMe("color_theme")},
	} {
		_, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A gym", Answers: answers})
		if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", answers, err, want)
		}
	}
	if after := b.counts(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}
