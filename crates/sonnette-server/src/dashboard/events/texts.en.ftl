# Events of an organizer.
events = Events
events-why = Webhooks can be limited to some of them. Publishing for an unknown event adds it here.
events-none = There are no events yet.
event-name = Name
event-slug = Slug
event-starts = Starts
event-webhooks = Webhooks limited to it
event-new = New event
event-add = Add event
event-slug-why = 1 to 50 letters, digits, dots or hyphens. It cannot be changed later.
event-slug-wrong = Enter 1 to 50 letters, digits, dots or hyphens, beginning with a letter or digit.
event-known = There is an event “{ $what }” already.
event-ask-delete = Delete “{ $what }”?
event-delete-why = The event leaves this list, and the settings of webhooks that are limited to it. What was published stays.
event-delete-nobody = No webhook is limited to it.
event-delete-losers = { $count ->
    [one] This webhook no longer hears of it:
   *[other] These { $count } webhooks no longer hear of it:
}
event-delete-last = then hears of no event at all
said-event-added = The event is added.
said-event-saved = The event is saved.
said-event-deleted = The event is deleted.
