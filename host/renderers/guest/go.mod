module trimtab.io/renderers/guest

go 1.26.0
