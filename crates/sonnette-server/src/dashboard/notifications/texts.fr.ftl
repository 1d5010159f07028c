# Notifications : ce qui a été publié, et ce qu’il en est advenu.
notifications-help = Tout ce qui a été publié, du plus récent au plus ancien. Chaque notification est remise une fois à chaque webhook concerné.
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
notifications-filter-invalid = Certains filtres ne sont pas valables. Ils sont signalés ci-dessous.
notifications-not-found = Il n’y a pas de notification avec ce numéro.
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
notification-data-help = Telles qu’elles ont été publiées. Le journal de chaque webhook montre ce que le récepteur a reçu.
notification-erased = Les données de cette notification ont été effacées. Il n’y a plus rien à montrer ni à envoyer.
notification-replay = Renvoyer
notification-replay-help = La notification est renvoyée à chaque webhook actif qui est concerné maintenant, même si elle lui a déjà été remise. Les récepteurs la reçoivent sous le même webhook-id et peuvent l’ignorer comme une répétition.
notification-replay-none = Aucun webhook actif n’est concerné maintenant. Rien ne serait envoyé.
notification-replay-webhooks = { $count ->
    [one] Un webhook la recevra :
   *[other] { $count } webhooks la recevront :
}
flash-notification-replayed = { $count ->
    [0] Aucun webhook actif n’est concerné maintenant : personne ne la reçoit.
    [one] La notification repart vers un webhook.
   *[other] La notification repart vers { $count } webhooks.
}

notification-delivery-webhook = Webhook
notification-delivery-state = État
notification-delivery-attempts = Tentatives
notification-delivery-attempts-count = { $count ->
    [0] aucune pour l’instant
    [one] une tentative
   *[other] { $count } tentatives
}
notification-delivery-scheduled = Planifié
notification-delivery-held = Retenu
notification-delivery-delivered = Livré
notification-delivery-given-up = Abandonné
notification-delivery-dropped = Annulé
notification-delivery-held-webhook = Le webhook est désactivé.
notification-delivery-held-restore = Ce serveur a été restauré à partir d’une sauvegarde. L’envoi partira dès que son exploitant reprendra les livraisons.
notification-delivery-held-receiver = Le récepteur reste en échec. L’envoi partira dès qu’il répondra de nouveau correctement.
notification-delivery-tries-used-up = Ses douze tentatives sont épuisées.
notification-delivery-days-over = Ses trois jours sont écoulés.
notification-delivery-by-hand = Quelqu’un l’a annulé.
notification-delivery-erased = Les données de la personne ont été effacées.
