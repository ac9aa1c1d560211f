/**
 * What npm says while it installs: what of it a person needs to see, how far it is, and what to do about an error.
 */
export class NpmOutput {
  /** Packages fetched from the registry so far; those in npm's cache are not fetched. */
  packages = 0;
  /** Lines of errors. */
  errors = "";

  /** @param {string} line */
  isWorthShowing(line) {
    if (line.startsWith("npm http ")) {
      if (line.includes(".tgz")) this.packages += 1;
      return false;
    }
    if (line.startsWith("npm error") || line.startsWith("npm ERR!")) this.errors += `${line}\n`;
    // The packages will run on the Node that is being installed, not on the one that runs npm.
    return line.trim() !== "" && !line.includes("EBADENGINE");
  }

  /** @param {string} root the folder that npm installs into */
  cure(root) {
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT/.test(this.errors)) {
      return "It could not reach its registry: connect this machine to the network, or name a proxy or a mirror (npm config set proxy …, npm config set registry …).";
    }
    if (/ENOSPC/.test(this.errors)) return "The disk is full.";
    if (/EACCES|EPERM/.test(this.errors)) return `It may not write to ${root}: run as the user who owns it.`;
    return "Its messages are above.";
  }
}
