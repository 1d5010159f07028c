# The front page of those who look after several organizers.
overview = Organizers
overview-none = There is no organizer that you could look at yet.
overview-worst = Worst first
overview-well = Every webhook is working, and nothing waits.
overview-since = Failing since
overview-oldest = Oldest waits for
overview-all = All organizers
overview-organizer = Organizer
overview-search = Search organizers
overview-disabled = Disabled
overview-failing = Failing
