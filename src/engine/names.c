/* names.c: names for containers that were given none. */
#define _GNU_SOURCE
#include "engine/names.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* clang-format off */
static const char *const adjectives[] = {
	"able", "agile", "amber", "ample", "apt", "awake", "balanced", "beaming", "blithe",
	"bold", "brave", "breezy", "bright", "brisk", "calm", "candid", "careful", "cheerful",
	"civil", "clear", "clever", "cosmic", "cosy", "crisp", "curious", "daring", "deft",
	"dreamy", "eager", "earnest", "easy", "elated", "elegant", "epic", "exact", "fair",
	"faithful", "famous", "fearless", "festive", "fluent", "fond", "frank", "free", "fresh",
	"friendly", "frugal", "funny", "gallant", "generous", "gentle", "genuine", "gifted",
	"glad", "golden", "graceful", "grand", "happy", "hardy", "hearty", "helpful", "honest",
	"hopeful", "humble", "ideal", "jolly", "jovial", "joyful", "keen", "kind", "lively",
	"loyal", "lucid", "lucky", "mellow", "merry", "mighty", "modest", "musing", "neat",
	"nimble", "noble", "open", "patient", "peaceful", "playful", "plucky", "polite",
	"prompt", "proud", "quick", "quiet", "rapid", "ready", "relaxed", "robust", "rosy",
	"sage", "serene", "sharp", "silent", "sincere", "smooth", "snug", "sober", "solid",
	"spry", "stable", "steady", "stoic", "sturdy", "sunny", "swift", "tender", "thrifty",
	"tidy", "tranquil", "trusty", "upbeat", "upright", "vivid", "warm", "wise", "witty",
	"zealous", "zen",
};

/* Scientists, engineers, mathematicians, explorers. */
static const char *const surnames[] = {
	"abel", "agnesi", "alhazen", "ampere", "apgar", "archimedes", "aryabhata", "avogadro",
	"babbage", "banach", "bardeen", "bell", "bernoulli", "bessel", "bohr", "boltzmann",
	"boole", "bose", "boyle", "brahe", "brahmagupta", "brattain", "cannon", "cantor",
	"carson", "cauchy", "cavendish", "celsius", "chandrasekhar", "chatelet", "church",
	"clarke", "colden", "coulomb", "crick", "curie", "dalton", "darwin", "davinci", "davy",
	"descartes", "diffie", "dijkstra", "dirac", "doppler", "easley", "edison", "einstein",
	"eratosthenes", "erdos", "euclid", "euler", "faraday", "fermat", "fermi", "feynman",
	"fourier", "franklin", "fuller", "galileo", "galois", "gauss", "germain", "gibbs",
	"goedel", "goodall", "hahn", "halley", "hamilton", "hawking", "heisenberg", "henry",
	"hertz", "herschel", "hilbert", "hoare", "hodgkin", "hooke", "hopper", "hubble",
	"huygens", "hypatia", "jacobi", "jang", "jemison", "johnson", "joliot", "joule", "kalam",
	"kare", "keller", "kelvin", "kepler", "khayyam", "khorana", "kilby", "knuth",
	"kolmogorov", "kovalevsky", "lagrange", "lamarr", "laplace", "lavoisier", "leakey",
	"leavitt", "leibniz", "lichterman", "liskov", "lorentz", "lovelace", "mach", "margulis",
	"maxwell", "mayer", "mcclintock", "meitner", "mendel", "mendeleev", "merkle", "minsky",
	"mirzakhani", "mobius", "morse", "moser", "napier", "nash", "neumann", "newton",
	"nightingale", "nobel", "noether", "noyce", "ohm", "panini", "pare", "pascal", "pasteur",
	"pauli", "payne", "perlman", "pike", "planck", "poincare", "poisson", "ptolemy",
	"pythagoras", "raman", "ramanujan", "riemann", "ride", "ritchie", "robinson", "roentgen",
	"rosalind", "rubin", "rutherford", "saha", "sammet", "schrodinger", "shannon", "shaw",
	"shockley", "sinoussi", "snow", "spence", "stallman", "stonebraker", "swanson",
	"swirles", "tesla", "tharp", "thompson", "torvalds", "turing", "varahamihira", "villani",
	"volta", "wallace", "watt", "wescoff", "wiles", "williams", "wilson", "wing", "wozniak",
	"wright", "wu", "yalow", "yonath", "zhukovsky",
};
/* clang-format on */

void names_random(char out[NAMES_MAX], int with_digit)
{
	uint32_t r[3] = {0};

	if (hash_random_bytes(r, sizeof(r)) < 0)
		memset(r, 0, sizeof(r));
	snprintf(out, NAMES_MAX, "%s_%s", adjectives[r[0] % ARRAY_SIZE(adjectives)],
		surnames[r[1] % ARRAY_SIZE(surnames)]);
	if (with_digit) {
		size_t len = strlen(out);
		snprintf(out + len, NAMES_MAX - len, "%u", r[2] % 1000);
	}
}
