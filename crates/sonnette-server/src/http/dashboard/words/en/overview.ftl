# The front page.
overview = Organizers
overview-none = There is no organizer that you could look at yet.
overview-organizer = Organizer
