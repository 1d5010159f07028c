# mending
