"""What each notebook promises: test_notebooks.py looks whether it shows it.

PROMISED  what each story is about, as its outputs must say it
TRAINED   of a notebook that trains: pattern of a number → where it lies, each time it is printed; bounds over seeds, with
          room for other ones
NEEDED    what a notebook imports besides the extra [notebooks], by the names of import
WHOLLY    those that have no part that runs without it
"""

PROMISED = {
    "00_a_neuron_by_hand": [
        "w1        -0.423017   -0.423017    -0.423017",
        "weight of the upper half -1.139, of the lower half 1.732",
        "right on 95.8% of the training images and on 99.2% of the test images",
    ],
    "01_graph_and_backprop": [
        "d out / d a   by hand 0.420310   backward() 0.420310",
        "4 of 18 first derivatives of formula are wrong",
        "54 derivatives compared, all agree",
        "13 derivatives compared with differences, all agree",
    ],
    "02_what_a_weight_is": [
        "PSI           2.3787      2.3787      1.0646      1.0646",
        "all eight numbers agree to better than one part in ten million: True",
        "weight times mean slope is the mean influence, to 12 decimals: True",
        "petals before sepals in 5 of 5 networks",
    ],
    "04_a_sum_and_a_squash": [
        "gradient  G R EY1 D IY0 AH0 N T",
        "sigmoid of that, by hand 0.9246, in the network 0.9246",
        "weight    W on w, EY1 on e, T on t",
    ],
    "05_which_way_is_downhill": [
        "between downhill and the way to the minimum there are 55 degrees",
        "second-order, 2 steps: at least 9 digits",
        "at the start: at a rate of 0.001 the promise is off by 0.06%",
    ],
}
TRAINED = {
    "03_why_random": {
        r"^32 equal +([\d.]+) %": [(15, 32)],
        r"^one +([\d.]+) %": [(15, 32)],
        r"^32 random +([\d.]+) %": [(94, 99.5)],
        r"^(?:zero|constant|small) +([\d.]+) % ±": [(9, 11.5)] * 3,
        r"^(?:Glorot|He|LSUV) +([\d.]+) % ±": [(93, 98.5)] * 3,
        r"^measured / theory: mean ([\d.]+)": [(0.8, 1.25)],
    },
    "06_is_it_learning": {
        r"^healthy: ([\d.]+) % right": [(85, 96)],
        r"^with the fault ([\d.]+) % right": [
            (70, 96),
            (5, 60),
            (5, 40),
            (30, 80),
            (90, 98),
            (60, 88),
            (5, 40),
            (5, 40),
            (5, 40),
            (3, 30),
        ],
        r"^with the fault .* right, mended ([\d.]+) % right": [(85, 96), (75, 96), *[(80, 96)] * 8],
        r"^with the fault ([\d.]+) % of the variance": [(0, 10)],
        r"explained, mended ([\d.]+) %": [(70, 100)],
        r"^rate 0.1: λmax·η/2 = ([\d.]+) ±": [(0.35, 0.7)],  # twice as flat as the edge: over seeds 0.4 to 0.6
        r"^rate (?:0.25|0.5): λmax·η/2 = ([\d.]+) ±": [(0.9, 1.1)] * 2,
    },
    "07_teaching_an_old_net": {
        r"^old digits ([\d.]+) %": [(98.0, 100.0)],
        r"^new digits ([\d.]+) %": [(72.0, 85.0)],
        r"^one example of each: .* by ([\d.-]+) points": [(14.0, 27.0)],
        r"^twenty of each: .* by ([\d.-]+) points": [(-1.5, 2.5)],
        r"^LoRA against .*, one of each: ([\d.-]+) points": [(-4.0, 2.0)],
        r"^the last layer alone, .*: ([\d.-]+) points": [(-4.0, -0.3)],
        r"^without springs .* forgotten ([\d.]+) ±": [(16.0, 34.0)],
        r"^with springs .* forgotten ([\d.]+) ±": [(3.0, 16.0)],
        r"^springs keep ([\d.]+) ±": [(8.0, 22.0)],
        r"^springs keep .* cost ([\d.]+) ±": [(1.0, 7.0)],
        r"^ 80 % .* ([\d.]+) % ± [\d.]+ +[\d.]+ % ± [\d.]+ +[\d.]+ % ±": [(93.5, 97.0)],  # trained on
        r"^its own start .*, ([\d.-]+) ± [\d.]+ points with a fifth": [(0.2, 3.5)],
        r"^right on ([\d.]+)% of 1,250 examples": [(89.28, 89.28)],  # river's figure
    },
    "08_do_big_weights_matter": {
        r"^the network explains (\d+)%": [(86, 96)],
        r"^magnitude +([\d.]+) of 5": [(2.4, 4.4)],  # of the five inputs that matter
        r"^DeepLIFT +([\d.]+) of 5": [(4.6, 5.0)],
        r"^Shapley values +([\d.]+) of 5": [(4.6, 5.0)],
        r"^permutation +([\d.]+) of 5": [(4.6, 5.0)],
        r"^mean size of a weight: (\d+)%": [(50, 100)],
        r"^gradient × input +misses +([\d.]+)%": [(40, 110)],
        r"^integrated gradients +misses +([\d.]+)%": [(0.0, 0.1)],
        r"^expected gradients +misses +([\d.]+)%": [(2, 15)],
        r"^right on ([\d.]+)%": [(93, 100)],
        r"^a group's loss is (\d+) times": [(3, 60)],
        r"^weights with the three: rank correlation ([\d.]+)": [(0.4, 0.88)],
        r"^the three with each other: rank correlation ([\d.]+)": [(0.93, 1.0)],
        r"^integrated gradients +(\d+) standard deviations": [(20, 120)],
        r"integrated gradients are at least (\d+) faster": [(10, 120)],
        r"^with signs, all weights shuffled: rank correlation (-?[\d.]+)": [(-0.15, 0.15)],
        r"^sizes alone: rank correlation ([\d.]+)": [(0.15, 0.8)],  # more than the signs
    },
    "09_how_much_can_it_hold": {
        r"^end +right on +([\d.]+) % ": [(99.0, 100.0)],
        r"^start +curvatures from +(-[\d.]+) ": [(-0.6, -0.05)],
        r"^end +curvatures from +(-[\d.]+) ": [(-0.02, 0.0)],
        r"^early, nine of the 2,410 directions hold (\d+) %": [(40, 60)],
        r"after the ninth in (\d) of 3 networks": [(2, 3)],
        r"falls by a factor of ([\d.]+)": [(1.4, 2.5)],
        r"^of 2,410 parameters the data pin down (\d+) ±": [(180, 300)] * 3,
        r"^rate [\d.]+: the largest curvature ends at ([\d.]+) of": [(0.97, 1.08)] * 2,
        r"^shuffled labels: ([\d.]+) %": [(100.0, 100.0)],
        r"trained on true labels: ([\d.]+) %": [(87.0, 95.0)],
        r"trained on shuffled labels: ([\d.]+) %": [(4.0, 17.0)],
        r"^test loss of 500 neurons: (\d+) times": [(10, 100_000)],
        r"^test loss of 4,000 neurons: ([\d.]+) times": [(0.4, 0.7)],
        r"^with ridge, 500 neurons: ([\d.]+) times": [(0.5, 0.8)],
    },
    "10_new_data": {
        r"^\w.* logistic regression ([\d.]+) %": [(94.5, 96.5), (97.2, 99.0), (96.8, 98.2), (96.2, 97.6)],
        r"^\w.* network ([\d.]+) %, difference": [(92.5, 96.5), (97.0, 99.4), (96.0, 98.2), (96.9, 98.5)],
        r"^digits .* difference ([-+.\d]+)": [(0.2, 1.6)],
        r"^tables where the network wins: (\d)": [(0, 1)],
        r"without the correction: \S+ \(([-+.\d]+)": [(0.0, 1.0)],  # the lower end: a win, as it seems
        r"^shuffled folds ([\d.]+) %": [(96.8, 98.5)],
        r"folds in the table's order ([\d.]+) %": [(92.0, 95.5)],
        r"^calibration error ([\d.]+) %": [(0.3, 2.5)],
    },
    "11_too_many_weights": {
        r"^wrong labels learned: (\d+) of 45": [(43, 45)],
        r"right on ([\d.]+) % or more of their own labels": [(97.0, 100.0)],
        r"^weight decay +([-+.\d]+) \(": [(-2.5, 4.0)],
        r"^dropout +([-+.\d]+) \(": [(0.5, 4.0)],
        r"^early stopping +([-+.\d]+) \(": [(-12.0, 1.0)],
        r"^label smoothing +([-+.\d]+) \(": [(-0.5, 3.5)],
        r"^mixup +([-+.\d]+) \(": [(-5.0, -0.2)],
        r"^shifted images +([-+.\d]+) \(": [(2.5, 8.0)],
        r"^ensemble of 3 +([-+.\d]+) \(": [(-0.5, 3.0)],
        r"^averaged weights +([-+.\d]+) \(": [(-1.0, 1.0)],
        r"^too much decay +([-+.\d]+) \(": [(-65.0, -45.0)],
        r"^weight decay +ece: ([-+.\d]+)": [(-0.12, -0.02)],
        r"^mixup +ece: ([-+.\d]+)": [(-0.12, -0.02)],
        r"^label smoothing +ece: ([-+.\d]+)": [(0.08, 0.25)],
        r"^ensemble of 3 +nll: ([-+.\d]+)": [(-0.25, -0.01)],
        r"^temperature ([\d.]+)": [(1.4, 3.0)],
        r"off by ([\d.]+) % before": [(6.0, 15.0)],
        r" % before, ([\d.]+) % after$": [(0.3, 7.0), (73.0, 82.0)],  # off by, and right on
        r"instead of 15 % wrong ones: ([-+.\d]+)": [(6.0, 14.0)],
        r"^calibration error .* smaller in (\d) of": [(4, 5)],
        r"^four times as many images: ([-+.\d]+)": [(8.0, 18.0)],
        r"from 75 to 300, ([-+.\d]+)": [(3.0, 8.5)],
    },
    "12_images": {
        r"^CNN ([\d.]+) % ±": [(98.7, 100.0), (97.2, 99.2)],  # of the small images, of the large ones
        r"^MLP ([\d.]+) % ±": [(97.0, 99.4), (91.0, 94.5)],
    },
    "13_text": {
        r"^unigram +([\d.]+) nats, ": [(3.1, 3.4)] * 2,
        r"^bigram +([\d.]+) nats, ": [(2.3, 2.5)] * 2,
        r"^GPT +([\d.]+) nats, ": [(4.3, 5.0), (1.25, 1.5)],  # before and after training
        r"^unigram +([\d.]+) ±": [(3.2, 3.5)],
        r"^bigram +([\d.]+) ±": [(2.6, 2.85)],
        r"^GRU +([\d.]+) ±": [(2.45, 2.7)],
    },
}
NEEDED = {
    "02_what_a_weight_is": ("statsmodels", "sklearn"),
    "04_a_sum_and_a_squash": ("g2p_en",),
    "05_which_way_is_downhill": ("statsmodels",),
    "07_teaching_an_old_net": ("mlxtend", "river"),
    "08_do_big_weights_matter": ("sklearn",),
    "10_new_data": ("sklearn",),
    "11_too_many_weights": ("mlxtend",),
    "12_images": ("mlxtend",),
    "13_text": ("tzdata",),
}
WHOLLY = {"07_teaching_an_old_net", "10_new_data", "11_too_many_weights"}
