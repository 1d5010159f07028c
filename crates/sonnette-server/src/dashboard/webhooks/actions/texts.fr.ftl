# Tester un webhook, renvoyer, l’activer et le désactiver, son secret.
action-error-summary = Rien n’a été fait. Veuillez corriger ce qui est signalé ci-dessous.

test = Tester le webhook
test-help = Un test envoie l’exemple d’un type d’action à ce seul webhook, qu’il soit activé ou non. Il ne compte ni pour la santé du webhook ni pour sa désactivation.
test-type = Type d’action
test-own = Reçus par ce webhook
test-others = Autres
test-send = Envoyer le test
test-show = Afficher l’exemple
test-example = Exemple

test-result-redirect = La redirection mène à { $what }
test-result-reason = Raison technique :
test-result-action-type = Type d’action :
test-result-body = Début de sa réponse
test-result-unsigned = La signature de ce test a été faite avec un secret à usage unique. Elle pourra être vérifiée une fois le webhook enregistré.
test-result-log = Voir toute la tentative dans le journal

resend = Renvoyer
resend-off = Le webhook est désactivé : rien ne peut être envoyé.
resend-since = Publié depuis
resend-utc = En UTC.
resend-until = Jusqu’à
resend-until-help = Vide : jusqu’à maintenant.
resend-what = Que renvoyer
resend-undelivered = Ce qui n’a pas été livré
resend-undelivered-help = Ce qui attend part maintenant ; ce qui a été abandonné ou annulé est de nouveau tenté, pendant trois jours.
resend-missed = Ce qui a été manqué pendant que le webhook était désactivé
resend-missed-help = Ce qui lui aurait été envoyé s’il avait été activé.
resend-error-time = Saisissez une date et une heure.
resend-error-order = La fin ne peut pas précéder le début.
resend-error-nothing = Choisissez au moins une possibilité.
resend-first = Compter d’abord
resend-recount = Recompter
resend-count = { $count ->
    [0] Il n’y a rien à renvoyer sur cette période.
    [one] Un envoi serait relancé.
   *[other] { $count } envois seraient relancés.
}
resend-send = { $count ->
    [one] Renvoyer 1 notification
   *[other] Renvoyer { $count } notifications
}

drop = Ne plus réessayer
drop-waiting = { $count ->
    [0] Rien n’attend pour ce webhook.
    [one] Un envoi attend. Il ne sera jamais fait.
   *[other] { $count } envois attendent. Ils ne seront jamais faits.
}
drop-again = Ce qui est annulé peut être renvoyé tant que le journal est conservé.

enable = Activer le webhook
enable-off-since = Le webhook est désactivé depuis le
enable-nothing-waits = Rien n’attend pour lui.
enable-waiting = { $count ->
    [one] Un envoi attend
   *[other] { $count } envois attendent
}
enable-send = Envoyer maintenant ce qui attend
enable-drop = Annuler ce qui attend
enable-missed = Envoyer aussi ce qu’il a manqué depuis
enable-missed-help = Ce qui a été publié pendant qu’il était désactivé et lui aurait été envoyé.

disable = Désactiver le webhook
disable-holds = Plus rien n’est envoyé. Ce qui attend est retenu jusqu’à ce que vous réactiviez le webhook.
disable-misses = Ce qui est publié entre-temps ne lui est pas dû, mais peut lui être envoyé ensuite.

delete = Supprimer le webhook
delete-stops = Le webhook est désactivé : plus rien ne lui est envoyé.
delete-waiting = { $count ->
    [0] Rien n’attend pour lui.
    [one] Un envoi attend. Il sera annulé.
   *[other] { $count } envois attendent. Ils seront annulés.
}
delete-stays = Le webhook reste dans la liste avec son journal et peut être réactivé.

secret = Secret de signature
secret-help = Il sert à signer chaque requête. Le récepteur vérifie la signature, de sorte que personne d’autre ne puisse rien lui envoyer.
secret-current = Secret
secret-show = Afficher
secret-previous = Le secret précédent signe aussi, jusqu’au
secret-show-previous = Afficher le secret précédent
secret-public-key = Clé publique
secret-change = Changer le secret
secret-change-creads = L’en-tête X-Partners-Signature n’a qu’une signature : après un changement, elle est faite aussitôt avec le nouveau secret.
secret-change-help = Après un changement, le secret précédent continue de signer pendant 24 heures, afin que le récepteur puisse passer au nouveau sans rien perdre.
secret-own = Définir votre propre secret
secret-own-help = whsec_ suivi du texte en base64 de 24 à 64 octets.
secret-own-set = Définir le secret
secret-invalid = Saisissez whsec_ suivi du texte en base64 de 24 à 64 octets.
rotate = Nouveau secret
rotate-new = Un nouveau secret est généré au hasard.
rotate-day = Le secret actuel continue de signer à ses côtés pendant 24 heures : donnez d’ici là le nouveau au récepteur.
rotate-key = La paire de clés est nouvelle aussi ; la clé publique actuelle vérifie encore pendant 24 heures.

samples = Un récepteur pour commencer
samples-help = Chacun vérifie la signature, ignore ce qu’il a déjà reçu et répond 200.
samples-must = Votre propre récepteur doit vérifier la signature sur le corps tel qu’il est arrivé, avant toute analyse, et répondre par un statut de 200 à 299 en moins de 30 secondes. Il doit retenir chaque webhook-id, car la même notification peut arriver plusieurs fois.
samples-languages = Langages

flash-retried = La notification est renvoyée maintenant.
flash-resent = { $count ->
    [0] Il n’y avait rien à renvoyer.
    [one] Un envoi est relancé.
   *[other] { $count } envois sont relancés.
}
flash-expedited = { $count ->
    [0] Rien n’attendait.
    [one] Un envoi est à faire maintenant.
   *[other] { $count } envois sont à faire maintenant.
}
flash-expedited-failing = { $count ->
    [one] Un envoi est à faire maintenant, mais le webhook reste en échec : voyez ci-dessous ce qu’il en advient.
   *[other] { $count } envois sont à faire maintenant, mais le webhook reste en échec : un seul part d’abord, et les autres suivent dès qu’il réussit.
}
flash-dropped = { $count ->
    [0] Rien n’attendait.
    [one] Un envoi a été annulé.
   *[other] { $count } envois ont été annulés.
}
flash-enabled = Le webhook est activé.
flash-enabled-already = Le webhook était déjà activé.
flash-enabled-missed = { $count ->
    [0] Le webhook est activé. Il n’avait rien manqué.
    [one] Le webhook est activé. Un envoi manqué part maintenant.
   *[other] Le webhook est activé. { $count } envois manqués partent maintenant.
}
flash-disabled = Le webhook est désactivé.
flash-deleted = Le webhook est supprimé : il est désactivé et reste consultable.
flash-secret-set = Le secret est changé. Le précédent signe encore pendant 24 heures.
flash-secret-rotated = Il y a un nouveau secret. Le précédent signe encore pendant 24 heures.
conflict-secrets-overlap = L’ancien secret signe encore, le temps que le destinataire change. Le secret pourra être remplacé à nouveau 24 heures après le dernier changement.
