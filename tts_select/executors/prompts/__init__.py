"""What a policy is asked: named, versioned templates in files, and how they meet a model's chat template."""
