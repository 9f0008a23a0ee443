// Package kubernetes is imported by Helm so that the module's version is in the program.
package kubernetes
