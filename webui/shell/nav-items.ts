export const NAV_ITEMS = [
  { page: 'live', link: '#/live', icon: 'live' },
  { page: 'events', link: '#/events', icon: 'events' },
  { page: 'recordings', link: '#/rec', icon: 'recordings' },
  { page: 'settings', link: '#/settings', icon: 'settings' },
] as const;
