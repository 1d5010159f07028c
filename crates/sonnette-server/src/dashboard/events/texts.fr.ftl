# Events of an organizer.
events = Événements
events-help = Les webhooks peuvent être limités à certains d’entre eux. Publier pour un événement inconnu l’ajoute ici.
events-none = Il n’y a pas encore d’événement.
event-name = Nom
event-slug = Nom court
event-starts = Début
event-webhooks = Webhooks qui s’y limitent
event-new = Nouvel événement
event-add = Ajouter l’événement
event-slug-help = De 1 à 50 lettres, chiffres, points ou tirets. Il ne pourra plus être modifié.
event-slug-invalid = Indiquez de 1 à 50 lettres, chiffres, points ou tirets, en commençant par une lettre ou un chiffre.
event-known = Il y a déjà un événement « { $what } ».
event-ask-delete = Supprimer « { $what } » ?
event-delete-help = L’événement quitte cette liste, et les paramètres des webhooks qui s’y limitent. Ce qui a été publié reste.
event-delete-unaffected = Aucun webhook ne s’y limite.
event-delete-affected = { $count ->
    [one] Ce webhook n’en recevra plus rien :
   *[other] Ces { $count } webhooks n’en recevront plus rien :
}
event-delete-no-events = n’est alors plus limité à aucun événement
flash-event-added = L’événement est ajouté.
flash-event-saved = L’événement est enregistré.
flash-event-deleted = L’événement est supprimé.
