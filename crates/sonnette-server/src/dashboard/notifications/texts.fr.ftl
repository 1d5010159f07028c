# Notifications : ce qui a été publié, et ce qu’il en est advenu.
notifications-why = Tout ce qui a été publié, du plus récent au plus ancien. Chaque notification est due une fois à chaque webhook concerné.
notifications-id = Numéro
notifications-action-type = Type d’action
notifications-event = Événement
notifications-since = À partir de
notifications-until = Jusqu’à
notifications-find = Rechercher
notifications-all = Tout afficher
notifications-when = Date
notifications-deliveries = Envois
notifications-erased = effacée
notifications-wrong = Certains filtres ne sont pas valables. Ils sont signalés ci-dessous.
notifications-no-such = Il n’y a pas de notification avec ce numéro.
notifications-none = Rien n’a encore été publié.
notifications-none-found = Rien ne correspond à ces filtres.

notification = Notification { $what }
notification-subject = Personne concernée
notification-matched = { $count ->
    [0] Aucun webhook actif n’était concerné lors de la publication.
    [one] Un webhook actif était concerné lors de la publication.
   *[other] { $count } webhooks actifs étaient concernés lors de la publication.
}
notification-data = Données
notification-data-why = Telles qu’elles ont été publiées. Le journal de chaque webhook montre ce que le récepteur a reçu.
notification-erased = Les données de cette notification ont été effacées. Il n’y a plus rien à montrer ni à envoyer.
notification-replay = Renvoyer
notification-replay-why = La notification est de nouveau due à chaque webhook actif qui est concerné maintenant, quoi qu’il en soit advenu auparavant. Les récepteurs la reçoivent sous le même webhook-id et peuvent l’ignorer comme une répétition.
notification-replay-nobody = Aucun webhook actif n’est concerné maintenant : personne ne la recevrait.
notification-replay-told = { $count ->
    [one] Un webhook la recevra :
   *[other] { $count } webhooks la recevront :
}
said-notification-replayed = { $count ->
    [0] Aucun webhook actif n’est concerné maintenant : personne ne la reçoit.
    [one] La notification repart vers un webhook.
   *[other] La notification repart vers { $count } webhooks.
}

notified-webhook = Webhook
notified-state = État
notified-attempts = Tentatives
notified-attempts-count = { $count ->
    [0] aucune pour l’instant
    [one] une tentative
   *[other] { $count } tentatives
}
notified-scheduled = Planifié
notified-held = Retenu
notified-delivered = Livré
notified-given-up = Abandonné
notified-dropped = Annulé
notified-held-webhook = Le webhook est désactivé.
notified-held-receiver = Le récepteur reste en échec. L’envoi partira dès qu’il répondra de nouveau correctement.
notified-tries-used-up = Ses douze tentatives sont épuisées.
notified-days-over = Ses trois jours sont écoulés.
notified-by-hand = Quelqu’un l’a annulé.
notified-erased = Les données de la personne ont été effacées.
