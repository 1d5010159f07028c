# attempts
