# Connexion, mots de passe, utilisateurs.
log-in = Se connecter
log-in-why = Sonnette informe d’autres systèmes de ce qui se passe ici, par des webhooks. Connectez-vous pour les voir et les réparer.
log-in-wrong = L’adresse e-mail ou le mot de passe est incorrect.
log-in-too-often = Trop d’essais. Veuillez patienter quelques minutes.
email = Adresse e-mail
password = Mot de passe
password-forgotten = Mot de passe oublié ?
said-logged-out = Vous êtes déconnecté.
