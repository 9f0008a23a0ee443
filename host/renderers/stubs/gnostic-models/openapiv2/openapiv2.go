// Package openapiv2 has the shapes of OpenAPI documents that kube-openapi names where it converts them. None is made:
// schemas are read as JSON.
package openapiv2

import "errors"

// Named is an entry of a map.
type Named[Value any] struct {
	Name  string
	Value Value
}

// GetName and GetValue are asked of entries.
func (named *Named[Value]) GetName() string { return named.Name }
func (named *Named[Value]) GetValue() Value { return named.Value }

// Map has entries in their order.
type Map[Value any] struct {
	AdditionalProperties []*Named[Value]
}

// GetAdditionalProperties gives them.
func (entries *Map[Value]) GetAdditionalProperties() []*Named[Value] {
	return entries.AdditionalProperties
}

// Any is any value.
type Any struct{}

// Raw is a value that is not decoded.
type Raw struct{}

// ToRawInfo gives it so.
func (*Any) ToRawInfo() *Raw { return nil }

// Decode fails.
func (*Raw) Decode(any) error { return errors.New("documents of this kind are not read") }

// NamedAny is an extension.
type NamedAny = Named[*Any]

// Bounds are what a value must meet.
type Bounds struct{ VendorExtension []*NamedAny }

func (*Bounds) GetMaximum() float64             { return 0 }
func (*Bounds) GetExclusiveMaximum() bool       { return false }
func (*Bounds) GetMinimum() float64             { return 0 }
func (*Bounds) GetExclusiveMinimum() bool       { return false }
func (*Bounds) GetMaxLength() int64             { return 0 }
func (*Bounds) GetMinLength() int64             { return 0 }
func (*Bounds) GetPattern() string              { return "" }
func (*Bounds) GetMaxItems() int64              { return 0 }
func (*Bounds) GetMinItems() int64              { return 0 }
func (*Bounds) GetMaxProperties() int64         { return 0 }
func (*Bounds) GetMinProperties() int64         { return 0 }
func (*Bounds) GetUniqueItems() bool            { return false }
func (*Bounds) GetMultipleOf() float64          { return 0 }
func (*Bounds) GetEnum() []*Any                 { return nil }
func (*Bounds) GetType() string                 { return "" }
func (*Bounds) GetFormat() string               { return "" }
func (*Bounds) GetTitle() string                { return "" }
func (*Bounds) GetDescription() string          { return "" }
func (*Bounds) GetCollectionFormat() string     { return "" }
func (*Bounds) GetItems() *PrimitivesItems      { return nil }
func (*Bounds) GetDefault() *Any                { return nil }
func (*Bounds) GetVendorExtension() []*NamedAny { return nil }
func (*Bounds) GetIn() string                   { return "" }
func (*Bounds) GetName() string                 { return "" }
func (*Bounds) GetRequired() bool               { return false }

// PrimitivesItems are a list's.
type PrimitivesItems struct{ Bounds }
