// Image references by the grammar of distribution (github.com/distribution/reference), with its
// normalisation of short names. Stricter in one point: there, what looks like a registry and is no
// host (`my_host.io/web`) is taken for a path of no registry.

const DIGESTS = [/^(sha256|blake3):[0-9a-f]{64}$/, /^sha384:[0-9a-f]{96}$/, /^sha512:[0-9a-f]{128}$/];
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const REGISTRY = new RegExp(`^(?:\\[[0-9A-Fa-f:]+\\]|${LABEL}(?:\\.${LABEL})*)(?::[0-9]+)?$`);
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
/** The longest path that a registry takes. */
const LONGEST_PATH = 255;

/** What an image is named by; the error is what is wrong, to follow "is no image reference: ". */
export function parseImage(text) {
  if (text === "") throw new Error("it is empty");
  if (text.trim() !== text) throw new Error("there is white space around it");
  const [rest, digest] = split(text, text.indexOf("@"));
  if (digest !== null && !DIGESTS.some((it) => it.test(digest))) {
    throw new Error("the digest is not sha256: and 64 hexadecimal digits in lower case");
  }
  const [name, tag] = split(rest, rest.indexOf(":", rest.lastIndexOf("/") + 1));
  if (tag !== null && !TAG.test(tag)) {
    throw new Error("the tag is not of letters, digits, `_`, `.` and `-`, 128 at most");
  }
  if (/^[0-9a-f]{64}$/.test(name)) {
    throw new Error("64 hexadecimal digits are an image's id, not a name");
  }
  const [registry, path] = splitRegistry(name);
  if (!REGISTRY.test(registry)) throw new Error("the registry is no host with an optional port");
  const isPath = (it) => it.split("/").every((component) => COMPONENT.test(component));
  if (!isPath(path) && isPath(path.toLowerCase())) throw new Error("a repository is in lower case");
  if (path.length > LONGEST_PATH) throw new Error("the repository has more than 255 characters");
  if (!isPath(path)) {
    throw new Error(
      "the repository is not of lower case letters and digits, with `.`, `_`, `__` or `-` between them",
    );
  }
  return { repository: normalised(registry, path), written: name, tag, digest };
}

function split(text, at) {
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

/** A first segment is a registry if it can be no part of a repository on Docker Hub. */
function splitRegistry(name) {
  const [first, rest] = split(name, name.indexOf("/"));
  const isRegistry = rest !== null && (/[.:A-Z]/.test(first) || first === "localhost");
  return isRegistry ? [first, rest] : ["docker.io", name];
}

/** Docker Hub has an older name, and its official images are in `library`. */
function normalised(registry, path) {
  if (registry !== "docker.io" && registry !== "index.docker.io") return `${registry}/${path}`;
  return path.includes("/") ? `docker.io/${path}` : `docker.io/library/${path}`;
}
