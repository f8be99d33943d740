"""One codec per relayer protocol: what a request means, what an answer and a refusal look like."""
