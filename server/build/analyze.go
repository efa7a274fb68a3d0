package build

import (
	"context"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
)

// AnalyzePrompt implements the RPC. Rules decide, no engine is called: it costs
// nothing and reads nothing but the prompt.
func (*Service) AnalyzePrompt(ctx context.Context, req *buildv1.AnalyzePromptRequest) (*buildv1.AnalyzePromptResponse, error) {
	prompt := event.CleanText(req.GetPrompt())
	if prompt == "" {
		return nil, noPrompt()
	}
	a := analysis.Analyze(prompt, req.GetLocale())
	reading := resolveLocale(ctx, req.GetLocale(), &a)
	reading.Tell(ctx)
	return &buildv1.AnalyzePromptResponse{
		Analysis:  analysisToProto(&a),
		Questions: questionsToProto(analysis.Questions(a), reading.Tag),
	}, nil
}

func analysisToProto(a *analysis.Analysis) *buildv1.Analysis {
	const permille = 1000
	out := &buildv1.Analysis{
		BusinessType:           a.BusinessType,
		ConfidencePermille:     int32(a.Confidence*permille + 0.5),
		Language:               a.Language,
		Personality:            a.Personality,
		Audience:               a.Audience,
		FunctionalRequirements: a.Requirements,
		Missing:                a.Missing,
	}
	if !a.BrandDerived {
		out.BrandName = a.BrandName
	}
	for _, service := range a.Services {
		out.Services = append(out.Services, service.Name)
	}
	return out
}

func questionsToProto(questions []analysis.Question, tag string) []*buildv1.Question {
	out := make([]*buildv1.Question, len(questions))
	for i, q := range questions {
		out[i] = &buildv1.Question{
			Id:       q.ID,
			Text:     locale.Text(tag, "question."+q.ID+".text", nil),
			FreeText: q.FreeText,
			Multiple: q.Multiple,
		}
		for _, choice := range q.Choices {
			out[i].Choices = append(out[i].Choices, &buildv1.Choice{
				Id: choice, Text: locale.Text(tag, "question."+q.ID+"."+choice, nil),
			})
		}
	}
	return out
}
