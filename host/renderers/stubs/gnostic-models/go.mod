module github.com/google/gnostic-models

go 1.26.0
