# Les webhooks d’un organisateur, et l’un d’eux.
webhooks-none = Pas encore de webhook
webhooks-what = Un webhook informe un autre système de ce qui se passe ici : il envoie aussitôt une requête HTTP à son URL.
webhooks-create = Créer un webhook
webhooks-state = État
webhooks-target = URL cible
webhooks-types = Types d’action
webhooks-events = Événements :
webhooks-all-events = Tous
webhooks-no-events = aucun, seulement ce qui ne concerne aucun événement
webhooks-more = { $count ->
    [one] et un autre
   *[other] et { $count } autres
  }
webhooks-last = Dernière réponse
webhooks-never = aucune pour l’instant
webhooks-rate = Dernières 24 h
webhooks-day = { $count ->
    [0] Rien n’a été envoyé ces dernières 24 heures.
    [one] Tentatives réussies ces dernières 24 heures : { $succeeded } sur 1.
   *[other] Tentatives réussies ces dernières 24 heures : { $succeeded } sur { $count }.
  }
webhooks-waiting = En attente
webhooks-edit = Modifier
webhooks-edit-one = Modifier { $what }
webhooks-previous = Précédents
webhooks-next = Suivants

status-unused = Pas encore utilisé
status-renewed = Activé
status-healthy = Fonctionne
status-unsteady = Instable
status-refusing = Refus partiels
status-paused = En pause
status-failing = En échec
status-disabled = Désactivé
status-gone = Désactivé : réponse 410
status-failures = Désactivé : échecs

diagnosis-unused = Rien n’a encore été envoyé à { $host }.
diagnosis-renewed = Rien n’a été envoyé à { $host } depuis que le webhook a été activé ou que son adresse a été modifiée.
diagnosis-healthy = Tout va bien : { $host } a reçu la dernière notification le { $at }.
diagnosis-fails = Le serveur { $what } reste en échec
diagnosis-failing = { $fault } depuis le { $at }.
diagnosis-wobbling = { $count ->
    [one] { $fault } : une tentative a échoué depuis le { $at }.
   *[other] { $fault } : { $count } tentatives ont échoué depuis le { $at }.
  }
diagnosis-only-one = { $count ->
    [one] { $fault } : une tentative a échoué depuis le { $at }, pour la notification { $notification }.
   *[other] { $fault } : { $count } tentatives ont échoué depuis le { $at }, toutes pour la notification { $notification }. D’autres passent peut-être.
  }
diagnosis-refusing = Le serveur { $host } accepte des notifications, mais refuse ces types d’action : { $types }.
diagnosis-refusing-advice = S’il n’en veut pas, modifiez le webhook pour les retirer, ou faites répondre 200 au serveur. Les autres ne sont pas retardés.
diagnosis-paused = Le serveur { $host } nous a demandé d’attendre jusqu’au { $at }.
diagnosis-off = Ce webhook a été désactivé à la main le { $at }. Rien n’est envoyé.
diagnosis-gone = Le serveur { $host } a répondu 410 : il ne veut plus rien recevoir. Le webhook a donc été désactivé le { $at }.
diagnosis-given-up = { $fault }. Après trop d’échecs consécutifs, le webhook a été désactivé le { $at }.
diagnosis-waits = { $count ->
    [one] { $count } notification attend.
   *[other] { $count } notifications attendent.
  }
diagnosis-held = { $count ->
    [one] { $count } notification est retenue, pour trois jours au plus.
   *[other] { $count } notifications sont retenues, pour trois jours au plus.
  }
diagnosis-next = Prochaine tentative dans { $what }.
diagnosis-next-now = La prochaine tentative est imminente.

webhook-enable = Activer
webhook-disable = Désactiver
webhook-delete = Supprimer
webhook-resend = Renvoyer depuis…
webhook-secret = Secret
webhook-queue = { $count ->
    [one] notification en attente
   *[other] notifications en attente
  }
webhook-queue-show = Les afficher
webhook-expedite = Réessayer maintenant
webhook-drop = Ne plus réessayer
webhook-last-hour = Succès, 60–90 dernières min
webhook-last-day = Succès, 24 h
webhook-median = Temps de réponse médian
webhook-percentile-95 = 95e centile
webhook-oldest = La plus ancienne attend depuis
webhook-next = Prochaine tentative
webhook-now = maintenant
webhook-in = dans { $what }
webhook-plot = Les dernières 24 heures
webhook-plot-outcomes = Tentatives par demi-heure
webhook-plot-times = Temps de réponse par demi-heure
webhook-times = La moitié des réponses a pris { $median } au plus, 95 sur 100 ont pris { $tail } au plus.
webhook-plot-begin = il y a 24 h
webhook-plot-middle = il y a 12 h
webhook-plot-end = maintenant
webhook-plot-figures = La même chose en chiffres
webhook-plot-half = Demi-heure à partir de
webhook-succeeded = Réussies
webhook-failed = Échouées
webhook-facts = Types d’action, événements et paramètres
webhook-headers = En-têtes supplémentaires
webhook-limits = Limites
webhook-per-second = { $count ->
    [one] { $count } requête par seconde
   *[other] { $count } requêtes par seconde
  }
webhook-concurrency = { $count ->
    [one] { $count } requête à la fois
   *[other] { $count } requêtes à la fois
  }
webhook-timeout = une réponse en moins de { $what } s
webhook-signatures = Signatures
webhook-contacts = Contacts

deliveries = Envois
deliveries-by-state = Envois par état
deliveries-waiting = En attente
deliveries-delivered = Livrés
deliveries-given-up = Abandonnés
deliveries-dropped = Annulés
deliveries-none = Il n’y en a pas.
deliveries-attempts = Tentatives
