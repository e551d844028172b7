/** Permits everything, for suites about something else. */
export const openAccess = {
  require: async (): Promise<void> => {},
  identify: () => ({ ip: '127.0.0.1' }),
  ip: () => '127.0.0.1',
  isSecure: () => false,
  origin: () => ({ isSameOrigin: true, baseUrl: 'http://127.0.0.1' }),
};
