package openapiv2

// The parts of a document, with the fields that are asked for.

// Document is the whole.
type Document struct {
	Swagger, Host, BasePath     string
	Consumes, Produces, Schemes []string
	Info                        *Info
	Paths                       *Paths
	Definitions                 *Map[*Schema]
	Parameters                  *Map[*Parameter]
	Responses                   *Map[*Response]
	SecurityDefinitions         *SecurityDefinitions
	Security                    []*Map[*StringArray]
	Tags                        []*Tag
	ExternalDocs                *ExternalDocs
	VendorExtension             []*NamedAny
}

// StringArray is a list of texts.
type StringArray struct{ Value []string }

// Info is about the document.
type Info struct {
	Description, Title, TermsOfService, Version string
	Contact                                     *Contact
	License                                     *License
	VendorExtension                             []*NamedAny
}

// License is the API's.
type License struct {
	Name, Url       string
	VendorExtension []*NamedAny
}

// Contact is whom to ask.
type Contact struct {
	Name, Url, Email string
	VendorExtension  []*NamedAny
}

// Tag groups operations.
type Tag struct {
	Name, Description string
	ExternalDocs      *ExternalDocs
	VendorExtension   []*NamedAny
}

// ExternalDocs is documentation elsewhere.
type ExternalDocs struct {
	Description, Url string
	VendorExtension  []*NamedAny
}

// Paths are the API's.
type Paths struct {
	Path            []*Named[*PathItem]
	VendorExtension []*NamedAny
}

// PathItem is one of them.
type PathItem struct {
	XRef                                         string
	Get, Put, Post, Delete, Options, Head, Patch *Operation
	Parameters                                   []*ParametersItem
	VendorExtension                              []*NamedAny
}

// Operation is a method of a path.
type Operation struct {
	Description, Summary, OperationId string
	Consumes, Produces, Schemes, Tags []string
	Deprecated                        bool
	ExternalDocs                      *ExternalDocs
	Security                          []*Map[*StringArray]
	Parameters                        []*ParametersItem
	Responses                         *Responses
	VendorExtension                   []*NamedAny
}

// Responses are an operation's.
type Responses struct {
	ResponseCode    []*Named[*ResponseValue]
	VendorExtension []*NamedAny
}

// Reference leads to another part.
type Reference struct{ XRef, Description string }

// ResponseValue is a response or a reference to one.
type ResponseValue struct{}

func (*ResponseValue) GetJsonReference() *Reference { return nil }
func (*ResponseValue) GetResponse() *Response       { return nil }

// Response is one of an operation.
type Response struct {
	Description     string
	Schema          *SchemaItem
	Headers         *Map[*Header]
	Examples        *Map[*Any]
	VendorExtension []*NamedAny
}

// Header is a response's.
type Header struct {
	Bounds
	Description string
}

// ParametersItem is a parameter or a reference to one.
type ParametersItem struct{}

func (*ParametersItem) GetJsonReference() *Reference { return nil }
func (*ParametersItem) GetParameter() *Parameter     { return nil }

// Parameter is an operation's.
type Parameter struct{ Oneof any }

func (*Parameter) GetNonBodyParameter() *NonBodyParameter { return nil }

// BodyParameter is a body.
type BodyParameter struct{ Bounds }

func (*BodyParameter) GetSchema() *Schema { return nil }

// NonBodyParameter is another parameter.
type NonBodyParameter struct{ Oneof any }

// The kinds of parameters.
type (
	Parameter_BodyParameter                     struct{ BodyParameter *BodyParameter }
	Parameter_NonBodyParameter                  struct{}
	NonBodyParameter_HeaderParameterSubSchema   struct{ HeaderParameterSubSchema *Bounds }
	NonBodyParameter_FormDataParameterSubSchema struct{ FormDataParameterSubSchema *Bounds }
	NonBodyParameter_QueryParameterSubSchema    struct{ QueryParameterSubSchema *Bounds }
	NonBodyParameter_PathParameterSubSchema     struct{ PathParameterSubSchema *Bounds }
)

// Schema is a type of values.
type Schema struct {
	XRef, Discriminator, Description   string
	ReadOnly                           bool
	ExternalDocs                       *ExternalDocs
	Example                            *Any
	Type                               *TypeItem
	Maximum, Minimum, MultipleOf       float64
	ExclusiveMaximum, ExclusiveMinimum bool
	MaxLength, MinLength               int64
	MaxItems, MinItems                 int64
	MaxProperties, MinProperties       int64
	UniqueItems                        bool
	Required                           []string
	Items                              *ItemsItem
	Properties                         *Map[*Schema]
	AdditionalProperties               *AdditionalPropertiesItem
	VendorExtension                    []*NamedAny
}

func (*Schema) GetFormat() string    { return "" }
func (*Schema) GetTitle() string     { return "" }
func (*Schema) GetPattern() string   { return "" }
func (*Schema) GetDefault() *Any     { return nil }
func (*Schema) GetEnum() []*Any      { return nil }
func (*Schema) GetItems() *ItemsItem { return nil }
func (*Schema) GetAllOf() []*Schema  { return nil }

// TypeItem names types.
type TypeItem struct{}

func (*TypeItem) GetValue() []string { return nil }

// ItemsItem are the schemas of a list.
type ItemsItem struct{}

func (*ItemsItem) GetSchema() []*Schema { return nil }

// AdditionalPropertiesItem is a schema or none.
type AdditionalPropertiesItem struct{}

func (*AdditionalPropertiesItem) GetSchema() *Schema { return nil }
func (*AdditionalPropertiesItem) GetBoolean() bool   { return false }

// SchemaItem is a schema, or that of a file.
type SchemaItem struct{ Oneof any }

// The kinds of schemas.
type (
	SchemaItem_Schema     struct{ Schema *Schema }
	SchemaItem_FileSchema struct{ FileSchema *FileSchema }
)

// FileSchema is a file's.
type FileSchema struct {
	Format, Title, Description, Type string
	Required                         []string
	ReadOnly                         bool
	ExternalDocs                     *ExternalDocs
	Example, Default                 *Any
	VendorExtension                  []*NamedAny
}

// SecurityDefinitions are named ways to authenticate.
type SecurityDefinitions = Map[*SecurityDefinitionsItem]

// SecurityDefinitionsItem is one of them.
type SecurityDefinitionsItem struct{ Oneof any }

// Oauth2Scopes are what may be asked for.
type Oauth2Scopes = Map[string]

// The kinds of them.
type (
	SecurityDefinitionsItem_ApiKeySecurity              struct{ ApiKeySecurity *Bounds }
	SecurityDefinitionsItem_BasicAuthenticationSecurity struct{ BasicAuthenticationSecurity *Bounds }
	SecurityDefinitionsItem_Oauth2AccessCodeSecurity    struct{ Oauth2AccessCodeSecurity *Bounds }
	SecurityDefinitionsItem_Oauth2ApplicationSecurity   struct{ Oauth2ApplicationSecurity *Bounds }
	SecurityDefinitionsItem_Oauth2ImplicitSecurity      struct{ Oauth2ImplicitSecurity *Bounds }
	SecurityDefinitionsItem_Oauth2PasswordSecurity      struct{ Oauth2PasswordSecurity *Bounds }
)
