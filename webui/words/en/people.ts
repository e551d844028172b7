/** Settings: who may see what. */
export const people = {
  people: 'People',
  owner: 'Owner',
  allCameras: 'all cameras',
  liveOnly: 'Live only',
  liveAndRecordings: 'Live and recordings',
  guestLinks: 'Guest links',
  addPerson: 'Add a person',
  newGuestLink: 'New guest link',
  endsAt: (time: string) => `ends ${time}`,
  linkMade: (until: string) => `The link works until ${until}.`,
  linkSees: (cameras: string) => `Whoever has it sees ${cameras}.`,
  linkSeesLive: (cameras: string) => `Whoever has it sees ${cameras}, live only.`,
};

export type PeopleWords = typeof people;
