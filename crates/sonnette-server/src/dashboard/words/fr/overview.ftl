# La page d’accueil de qui s’occupe de plusieurs organisateurs.
overview = Organisateurs
overview-none = Il n’y a encore aucun organisateur que vous puissiez consulter.
overview-worst = À traiter en priorité
overview-well = Tous les webhooks fonctionnent, et rien n’attend.
overview-since = Depuis
overview-oldest = La plus ancienne attend depuis
overview-all = Tous les organisateurs
overview-organizer = Organisateur
overview-search = Rechercher un organisateur
overview-disabled = Désactivés
overview-failing = En échec
