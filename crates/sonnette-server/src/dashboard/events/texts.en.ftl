# Events of an organizer.
events = Events
events-help = Webhooks can be limited to some of them. Publishing for an unknown event adds it here.
events-none = There are no events yet.
event-name = Name
event-slug = Slug
event-starts = Starts
event-webhooks = Webhooks limited to it
event-new = New event
event-add = Add event
event-slug-help = 1 to 50 letters, digits, dots or hyphens. It cannot be changed later.
event-slug-invalid = Enter 1 to 50 letters, digits, dots or hyphens, beginning with a letter or digit.
event-known = There is an event “{ $what }” already.
event-ask-delete = Delete “{ $what }”?
event-delete-help = The event leaves this list, and the settings of webhooks that are limited to it. What was published stays.
event-delete-unaffected = No webhook is limited to it.
event-delete-affected = { $count ->
    [one] This webhook no longer gets notifications of it:
   *[other] These { $count } webhooks no longer get notifications of it:
}
event-delete-no-events = is then limited to no event at all
flash-event-added = The event is added.
flash-event-saved = The event is saved.
flash-event-deleted = The event is deleted.
