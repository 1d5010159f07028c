# Autour de chaque page.
skip = Aller au contenu
other-organizers = tous les organisateurs
account = Compte
all-users = Tous les utilisateurs
log-out = Se déconnecter
pages = Pages

tab-webhooks = Webhooks
tab-log = Journal
tab-notifications = Notifications
tab-catalogue = Types d’action
tab-tokens = Jetons
tab-users = Utilisateurs
tab-settings = Paramètres
tab-audit = Modifications

permission-webhooks = webhooks
permission-publish = publication
permission-organizer = organisateur

error-not-found = Cette page n’existe pas
error-not-found-help = Elle n’a peut-être jamais existé, ou elle appartient à quelqu’un d’autre.
error-unknown-organizer = Il n’y a pas d’organisateur « { $what } », ou vous n’y avez pas accès. La page d’accueil montre vos organisateurs ; un opérateur peut vous donner accès à d’autres.
error-portal-over = Votre session est terminée
error-portal-over-help = Veuillez rouvrir cette page depuis la plateforme d’où vous venez. Si ce message revient à chaque fois, votre navigateur ne conserve pas notre cookie : dans le cadre d’un autre site, ces pages exigent HTTPS.
error-forbidden = Vous ne pouvez pas ouvrir cette page
error-forbidden-permission = Il faut l’autorisation « { $what } », que vous n’avez pas.
error-forbidden-operators = Elle est réservée aux opérateurs de ce serveur.
error-ask = Ces personnes peuvent vous la donner :
error-ask-operator = Veuillez vous adresser à l’opérateur de ce serveur.
error-stale = Veuillez réessayer
error-stale-help = Le formulaire était trop ancien, ou n’a pas été envoyé depuis notre page. Rien n’a été modifié. Rouvrez la page et envoyez-le encore une fois.
error-unreadable = Le formulaire n’a pas pu être lu. Rien n’a été modifié.
error-conflict = Ce n’est pas possible maintenant
error-unavailable = Veuillez réessayer dans un instant
error-unavailable-help = La base de données n’est pas joignable. Rien n’a été modifié.
error-internal = Quelque chose ne va pas de notre côté
error-internal-help = L’erreur a été notée dans le journal du serveur.
error-back = Retour à l’accueil

conflict-disabled = Le webhook est désactivé. Activez-le d’abord.
conflict-erased = Ce qui avait été publié a été effacé : il n’y a plus rien à envoyer.
conflict-nothing-to-test = Il n’y a aucun type d’action à tester.

span-seconds = { $count } s
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count } j

button-save = Enregistrer
button-cancel = Annuler
button-change = Modifier
button-delete = Supprimer
button-back = Retour
button-copy = Copier
button-copied = Copié
answer-yes = oui
answer-no = non
column-actions = Actions
page-newest = Les plus récentes
page-newer = Plus récentes
page-older = Plus anciennes

hold = Les livraisons sont suspendues : ce serveur a été restauré à partir d’une sauvegarde. Les notifications sont acceptées, et rien n’est envoyé sauf les essais, jusqu’à ce que l’exploitant du serveur reprenne les livraisons (sonnette resume).
outage = Presque aucun récepteur n’est joignable en ce moment. C’est sans doute une panne du réseau ou du serveur de noms de ce serveur : ces échecs ne comptent contre aucun webhook, et les livraisons sont envoyées plus tard.

field-error-summary = Rien n’a été enregistré. Veuillez corriger ce qui est signalé ci-dessous.
field-error-required = Veuillez remplir ce champ.
field-error-too-long = { $count } caractères au plus, s’il vous plaît.
field-error-null-characters = Les caractères nuls ne sont pas admis.
field-error-control-characters = Les caractères de contrôle ne sont pas admis.
field-error-json = Ce n’est pas du JSON : { $what }
field-error-time = Indiquez une date et une heure, par exemple 2026-11-21T18:00.

