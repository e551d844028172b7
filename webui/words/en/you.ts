/** Settings: the user's own account. */
export const you = {
  account: 'My account',
  ownerIs: (user: string) => `Logged in as ${user}`,
  noOwnerText: 'The configuration decides who has access. An owner can change it here.',
  logOut: 'Log out',
  appearance: 'Appearance',
  asSystem: 'Automatic',
  dark: 'Dark',
  light: 'Light',

  viewsKnown: 'The owner can see which cameras you watch and when.',

  changePassword: 'Change password',
  oldPassword: 'Current password',
  newPassword: 'New password',
  newPasswordHint: 'Eight characters or more. A short sentence works well.',
  newPasswordCommon: 'Many people use this one. Add a word.',
  oldPasswordWrong: 'Wrong current password.',
  otherDevices: 'Your other browsers must log in again.',
  passwordChanged: 'Password changed.',

  devices: 'Logged-in browsers',
  devicesText: "Log out any you don't recognize, and change your password.",
  thisDevice: 'This browser',
  lastUsed: (time: string) => `last used ${time}`,
  unknownDevice: 'Unknown browser',
  logOutDevice: 'Log out',
  logOutNamed: (device: string) => `Log out ${device}`,
  logOutOthers: 'Log out my other browsers',
  othersAreOut: 'Your other browsers are logged out.',
};

export type YouWords = typeof you;
