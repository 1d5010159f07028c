# La page d’accueil.
overview = Organisateurs
overview-none = Il n’y a encore aucun organisateur que vous puissiez consulter.
overview-organizer = Organisateur
