"""What is done to several programs at once."""

import threading


def together(targets, act):
    """act(target) for each, in threads."""
    threads = [threading.Thread(target=act, args=(target,), daemon=True) for target in targets[1:]]
    for thread in threads:
        thread.start()
    act(targets[0])
    for thread in threads:
        thread.join()


class PerTarget:
    """A fault that is done to each of its targets: inject_one(site, target, fault), heal_one(site, target)."""

    def inject(self, site, fault):
        together(fault.targets, lambda target: self.inject_one(site, target, fault))

    def heal(self, site, fault):
        together(fault.targets, lambda target: self.heal_one(site, target))
