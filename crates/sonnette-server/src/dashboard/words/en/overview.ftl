# The front page of those who look after several organizers.
overview = Organizers
overview-none = There is no organizer that you can see yet.
overview-worst = Needs attention
overview-well = Every webhook is working, and nothing is waiting.
overview-since = Since
overview-oldest = Oldest waiting for
overview-all = All organizers
overview-organizer = Organizer
overview-search = Search organizers
overview-disabled = Disabled
overview-failing = Failing
