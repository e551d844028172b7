/** Settings, System, ONVIF. */
export const en = {
  hint: 'Other recorders can show your cameras, even those without ONVIF.',
  on: 'Offer the cameras',
  find: 'Recorders discover the cameras',
  recorders: (count: number) => `Recorders that receive events: ${count}.`,
  test: 'Test',
  good: 'No problem found.',
  noPassword: 'No recorder can log in yet. Create a device password that allows ONVIF.',
  unannounced:
    'Recorders do not find the cameras: another program or a firewall blocks UDP port 3702. Add each by its address.',
  noPort: (camera: string, why: string) => `${camera}: its port could not be opened. ${why}`,
  refused: (user: string, address: string, reason: string) => `Last refused login: ${user} from ${address}. ${reason}`,
  wrong: 'Wrong name or password. Only device passwords work.',
  rights: 'The device password lacks ONVIF, or Recordings to fetch those, for this camera.',
  clock: 'The recorder’s clock is more than 5 minutes off.',
  clear: 'The recorder sent the password unencrypted. Set it to digest.',
  replay: 'The recorder sent the same login twice.',
};
export type OnvifWords = typeof en;
