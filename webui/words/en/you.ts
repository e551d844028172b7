/** What each sets for himself. */
export const you = {
  ownerIs: (user: string) => `Logged in as ${user}`,
  noOwnerText: 'Its configuration decides who sees it. The owner can change it here.',
  logOut: 'Log out',
  appearance: 'Appearance',
  asSystem: 'Automatic',
  dark: 'Dark',
  light: 'Light',

  changePassword: 'Change password',
  oldPassword: 'Your password until now',
  newPassword: 'Your new password',
  newPasswordHint: 'Eight characters or more. A short sentence works well.',
  newPasswordCommon: 'Many people use this one. Add a word.',
  oldPasswordWrong: 'This is not your password until now.',
  otherDevices: 'Your other devices have to log in again.',
  passwordChanged: 'Password changed.',

  devices: 'Devices that are logged in',
  devicesText: 'What you do not know: log it out, and change the password.',
  thisDevice: 'This device',
  lastUsed: (time: string) => `last used ${time}`,
  unknownDevice: 'Unknown device',
  logOutDevice: 'Log out',
  logOutNamed: (device: string) => `Log out ${device}`,
  logOutOthers: 'Log out my other devices',
  othersAreOut: 'Your other devices are logged out.',
};

export type YouWords = typeof you;
