export const NAV_ITEMS = [
  { page: 'live', link: '#/live', icon: 'live' },
  { page: 'recordings', link: '#/rec', icon: 'recordings' },
  { page: 'settings', link: '#/settings', icon: 'settings' },
] as const;
