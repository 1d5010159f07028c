# Logging in, passwords, users.
log-in = Log in
log-in-why = Sonnette tells other systems what happens here, by webhooks. Log in to see and mend them.
log-in-wrong = The e-mail address or the password is wrong.
log-in-too-often = Too many attempts. Please wait a few minutes.
email = E-mail address
password = Password
password-forgotten = Forgotten your password?
said-logged-out = You are logged out.
