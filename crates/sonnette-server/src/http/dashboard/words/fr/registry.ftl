# registry
