# La page d’accueil de qui s’occupe de plusieurs organisateurs.
overview = Organisateurs
overview-none = Il n’y a encore aucun organisateur que vous puissiez consulter.
overview-worst = Les plus mal en point d’abord
overview-well = Tous les webhooks fonctionnent, et rien n’attend.
overview-since = En échec depuis
overview-oldest = La plus ancienne attend depuis
overview-all = Tous les organisateurs
overview-organizer = Organisateur
overview-search = Chercher parmi les organisateurs
overview-disabled = Désactivés
overview-failing = En échec
